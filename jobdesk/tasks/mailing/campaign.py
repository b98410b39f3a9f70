"""A campaign's mail to one recipient, and the ways to leave that go with it (RFC 2369, RFC 8058).

An https address is posted to by the mail program itself, on one click; it must act without asking
further. What stands in it should name the recipient in a way that nobody can guess: ``trackingId``.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from jobdesk.errors import NotConfigured
from jobdesk.providers.mail import Mailer, Message, fill

if TYPE_CHECKING:
    from jobdesk.settings import Settings
    from jobdesk.tasks.mailing.data import CampaignMail

_WANTED = "an https:// URL, a mailto:, or both with a space between"
_FIELD = re.compile(r"\{(\w+)\}")


def send_campaign(
    mail: CampaignMail, *, key: str, mailer: Mailer, settings: Settings
) -> dict[str, Any]:
    """Send one mail of a campaign, with tags by which Resend counts it."""
    ways = ways_out(mail, settings)
    to = mail.recipient
    values = {
        "name": to.name or mail.default_name or to.email,
        "email": to.email,
        "unsubscribeUrl": ways[0],
    }
    headers = {"List-Unsubscribe": ", ".join(f"<{way}>" for way in ways)}
    if ways[0].startswith("http"):
        headers["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    tags = {"campaignId": mail.campaign_id}
    if mail.tracking_id is not None:
        tags["trackingId"] = mail.tracking_id
    message = Message(
        sender=mailer.sender,
        to=(to.email,),
        subject=fill(mail.subject, values, escape=False),
        html=fill(mail.html, values, escape=True),
        text=None if mail.text is None else fill(mail.text, values, escape=False),
        reply_to=mail.reply_to,
        tags=tags,
        headers=headers,
    )
    return {
        "success": True,
        "messageId": mailer.send(message, key=key),
        "campaignId": mail.campaign_id,
        "trackingId": mail.tracking_id,
    }


def ways_out(mail: CampaignMail, settings: Settings) -> list[str]:
    """The addresses at which the recipient leaves, an https one first."""
    told = settings.unsubscribe
    if told is None and settings.delivery == "outbox":  # nothing is sent, so nobody is kept
        told = f"mailto:{settings.from_email or 'jobdesk@localhost'}?subject=unsubscribe"
    if told is None:
        raise NotConfigured(
            f"set JOBDESK_UNSUBSCRIBE, by which recipients leave a campaign: {_WANTED}"
        )
    values = {
        "trackingId": mail.tracking_id or "",
        "campaignId": mail.campaign_id,
        "email": mail.recipient.email,
    }

    def value(match: re.Match[str]) -> str:
        if match[1] not in values:
            raise NotConfigured(
                f"correct JOBDESK_UNSUBSCRIBE: it names {{{match[1]}}}, and knows"
                " {trackingId}, {campaignId} and {email}"
            )
        return quote(values[match[1]], safe="@" if match.string.startswith("mailto:") else "")

    ways = []
    for way in told.split():
        filled = _FIELD.sub(value, way)
        if not _is_way(filled):
            raise NotConfigured(f"correct JOBDESK_UNSUBSCRIBE: it must be {_WANTED}")
        ways.append(filled)
    if not ways:
        raise NotConfigured(f"set JOBDESK_UNSUBSCRIBE: {_WANTED}")
    return sorted(ways, key=lambda way: way.startswith("mailto:"))


def _is_way(address: str) -> bool:
    if not address.isascii() or set(address) & set('<>,"'):
        return False
    parts = urlsplit(address)
    if parts.scheme == "mailto":
        return "@" in parts.path
    return parts.scheme == "https" and bool(parts.hostname)
