"""A mail each to many, a hundred in a request, behind what is sent already."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jobdesk.errors import JobCancelled
from jobdesk.providers.mail import MAX_BATCH, Mailer, Message, fill

if TYPE_CHECKING:
    from jobdesk.engine.context import JobContext
    from jobdesk.tasks.mailing.data import BulkMail, Recipient


def send_bulk(mail: BulkMail, *, job: JobContext, mailer: Mailer) -> dict[str, Any]:
    """Send a mail to each recipient, a hundred in a request, behind what is sent already."""
    total = len(mail.recipients)
    batches = -(-total // MAX_BATCH)
    before = job.last_progress if isinstance(job.last_progress, dict) else {}
    if before.get("total") != total:
        before = {}
    batch = min(int(before.get("sentBatches", 0)), batches)
    sent, failed = int(before.get("sent", 0)), int(before.get("failed", 0))
    if batch:
        job.log(f"going on behind batch {batch} of {batches}")
    for number in range(batch + 1, batches + 1):
        if job.cancelled:
            raise JobCancelled(f"stopped with {number - 1} of {batches} batches sent")
        start = (number - 1) * MAX_BATCH
        messages = [_filled(mail, to, mailer) for to in mail.recipients[start : start + MAX_BATCH]]
        result = mailer.send_batch(messages, key=f"{job.idempotency_key}/batch-{number}")
        sent += len(messages) - len(result.refused)
        failed += len(result.refused)
        for place, why in sorted(result.refused.items())[:20]:
            job.log(f"recipient {start + place + 1} was refused: {why}")
        job.progress(
            {
                "done": start + len(messages),
                "total": total,
                "sentBatches": number,
                "sent": sent,
                "failed": failed,
            }
        )
    return {"success": True, "sent": sent, "failed": failed, "batches": batches}


def _filled(mail: BulkMail, to: Recipient, mailer: Mailer) -> Message:
    values = {"name": to.name or mail.default_name or to.email, "email": to.email}
    return Message(
        sender=mailer.sender,
        to=(to.email,),
        subject=fill(mail.subject, values, escape=False),
        html=None if mail.html is None else fill(mail.html, values, escape=True),
        text=None if mail.text is None else fill(mail.text, values, escape=False),
        reply_to=mail.reply_to,
        tags={tag.name: tag.value for tag in mail.tags},
    )
