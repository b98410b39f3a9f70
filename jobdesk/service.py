"""The original's conveniences under its own names, in snake case."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Unpack, cast

from jobdesk.desk import Desk
from jobdesk.engine.options import NAMES, as_data

if TYPE_CHECKING:
    from jobdesk.engine.handle import JobHandle
    from jobdesk.engine.options import JobWords, Options


class QueueService(Desk):
    """A desk that knows what the six queues are for.

    Every method takes the job options, as keywords or in the original's place (``JobOptions``, or
    a mapping in jobdesk's words and seconds; for Bull's there is ``JobOptions.from_bull``).
    """

    def send_email(
        self, mail: Mapping[str, Any] | None = None, options: Options = None, /, **fields: Any
    ) -> JobHandle:
        """Send one mail: ``send_email(to=…, subject=…, html=…, reply_to=…)``, or all as an object.

        Fields are those of ``email:transactional``, job options may stand among them.
        """
        return self._send("transactional", mail, options, fields)

    def send_bulk_emails(
        self,
        recipients: Sequence[Mapping[str, Any]],
        subject: str,
        html: str | None = None,
        options: Options = None,
        /,
        **fields: Any,
    ) -> JobHandle:
        """Send a mail to each of many recipients, ``{"email": …, "name": …}``, as one job."""
        mail: dict[str, Any] = {"recipients": list(recipients), "subject": subject}
        if html is not None:
            mail["html"] = html
        return self._send("bulk", mail, options, fields)

    def generate_pdf(
        self,
        data: Mapping[str, Any],
        type: str = "invoice",  # noqa: A002  # the original's word
        options: Options = None,
        **words: Unpack[JobWords],
    ) -> JobHandle:
        """Make a PDF."""
        return self.add_job("pdf", type, data, options, **words)

    def send_notification(
        self,
        data: Mapping[str, Any],
        type: str = "in-app",  # noqa: A002  # the original's word
        options: Options = None,
        **words: Unpack[JobWords],
    ) -> JobHandle:
        """Notify a user: in the application, by push, by SMS."""
        return self.add_job("notification", type, data, options, **words)

    def generate_report(
        self,
        data: Mapping[str, Any],
        type: str,  # noqa: A002  # the original's word
        options: Options = None,
        **words: Unpack[JobWords],
    ) -> JobHandle:
        """Make a report."""
        return self.add_job("report", type, data, options, **words)

    def schedule_cleanup(
        self,
        type: str,  # noqa: A002  # the original's word
        data: Mapping[str, Any] | None = None,
        options: Options = None,
        **words: Unpack[JobWords],
    ) -> JobHandle:
        """Clean up: ``old-logs``, ``temp-files``, ``failed-jobs``."""
        return self.add_job("cleanup", type, data, options, **words)

    def schedule_sync(
        self,
        type: str,  # noqa: A002  # the original's word
        data: Mapping[str, Any],
        options: Options = None,
        **words: Unpack[JobWords],
    ) -> JobHandle:
        """Bring in what an outside service knows."""
        return self.add_job("sync", type, data, options, **words)

    def _send(
        self,
        kind: str,
        mail: Mapping[str, Any] | None,
        options: Options,
        fields: Mapping[str, Any],
    ) -> JobHandle:
        words = {name: value for name, value in fields.items() if name in NAMES}
        told = {_camel(name): value for name, value in fields.items() if name not in NAMES}
        data = told if mail is None else {**as_data(mail, "email", kind), **told}
        return self.add_job("email", kind, data, options, **cast("JobWords", words))


def _camel(name: str) -> str:
    """``reply_to`` as the data calls it."""
    first, *others = name.split("_")
    return first + "".join(other.capitalize() for other in others)
