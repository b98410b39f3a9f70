"""The demo's tables: a firm that never was, and rows whose time is over, for the cleanups."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta

from jobdesk.demo.samples import FIRM, whatsapp_post


def fill() -> str:
    """Fill the database of the run; the id of the firm that reports are made of."""
    from jobdesk.db import tables
    from jobdesk.db.connection import connect, writing
    from jobdesk.db.sample import firm_id, write_sample
    from jobdesk.db.upsert import insert_new

    now = datetime.now(UTC)
    old = now - timedelta(days=400)
    person = {"firm_id": FIRM, "user_id": "user-1"}
    with writing(connect()) as connection:
        write_sample(connection)
        for table, rows in (
            (
                tables.sessions,
                [
                    {**person, "id": f"session-{n}", "created_at": old, "expires_at": old}
                    for n in range(12)
                ],
            ),
            (
                tables.tokens,
                [
                    {
                        **person, "id": f"token-{n}", "kind": "password_reset",
                        "token_hash": hashlib.sha256(bytes([n])).hexdigest(),
                        "created_at": old, "expires_at": old,
                    }
                    for n in range(7)
                ],
            ),
            (
                tables.notifications,
                [
                    {
                        **person, "job_id": f"notice-{n}", "title": "A hearing",
                        "message": "It was on Sunday.", "kind": "info",
                        "created_at": old, "read_at": old,
                    }
                    for n in range(9)
                ],
            ),
            (
                tables.audit_logs,
                [
                    {**person, "action": "invoice.sent", "entity": "invoice",
                     "entity_id": f"invoice-{n}", "at": old}
                    for n in range(40)
                ],
            ),
        ):  # fmt: skip
            if table is tables.audit_logs:
                connection.execute(table.insert(), rows)
            else:
                key = ["job_id", "user_id"] if table is tables.notifications else ["id"]
                insert_new(connection, table, rows, key=key)
    return firm_id()


def post_whatsapp() -> int:
    """Have WhatsApp post a message to the application's endpoint; how many were new."""
    import hmac

    from jobdesk import settings as settings_module
    from jobdesk.tasks.sync import receive_whatsapp

    body, secret = whatsapp_post(), settings_module.current().whatsapp_app_secret
    key = b"" if secret is None else secret.get_secret_value().encode()
    return receive_whatsapp(body, hmac.new(key, body, hashlib.sha256).hexdigest(), FIRM)
