"""The email queue: ``transactional``, ``bulk``, ``template`` and ``campaign``.

All may be run again without a second mail: the job's idempotency key goes with every request, and
bulk keeps in its progress how many batches are sent and goes on behind them. What each does is in
:mod:`jobdesk.tasks.mailing`.

In a pipeline Huey adds the fields of a step's result to the next step's data. The pdf queue's types
return one field, ``document``, which ``transactional`` and ``template`` take as an attachment, so
that ``invoice.s(…).then(transactional, to=…, subject=…, html=…)`` mails the invoice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jobdesk import settings as settings_module
from jobdesk.engine.queue import Queue
from jobdesk.models import Backoff, JobOptions
from jobdesk.providers.mailers import mailer
from jobdesk.tasks.mailing.bulk import send_bulk
from jobdesk.tasks.mailing.campaign import send_campaign
from jobdesk.tasks.mailing.data import BulkMail, CampaignMail, TemplateMail, TransactionalMail
from jobdesk.tasks.mailing.single import send_template, send_transactional

if TYPE_CHECKING:
    from jobdesk.engine.context import JobContext

queue = huey = Queue(
    "email",
    concurrency=5,
    defaults=JobOptions(timeout=60, priority=4, backoff=Backoff.exponential(3)),
    in_place_fallback=lambda settings: settings.email_fallback == "sync",
)


@queue.task(priority=2)
def transactional(mail: TransactionalMail, *, job: JobContext) -> dict[str, Any]:
    """Send one mail."""
    settings = settings_module.current()
    return send_transactional(
        mail, key=job.idempotency_key, mailer=mailer(settings), settings=settings
    )


@queue.task(priority=7, timeout=3600)
def bulk(mail: BulkMail, *, job: JobContext) -> dict[str, Any]:
    """Send a mail to each of many recipients."""
    return send_bulk(mail, job=job, mailer=mailer(settings_module.current()))


@queue.task()
def template(mail: TemplateMail, *, job: JobContext) -> dict[str, Any]:
    """Send one mail from a template."""
    settings = settings_module.current()
    return send_template(mail, key=job.idempotency_key, mailer=mailer(settings), settings=settings)


@queue.task()
def campaign(mail: CampaignMail, *, job: JobContext) -> dict[str, Any]:
    """Send one mail of a campaign."""
    settings = settings_module.current()
    return send_campaign(mail, key=job.idempotency_key, mailer=mailer(settings), settings=settings)
