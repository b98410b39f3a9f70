"""All tables. Amounts are halalas, instants UTC, business dates the firm's calendar (Riyadh).

Ids of what the application makes are its own (text, as the original's); what syncs and jobs write
has a row number and a unique key that makes writing it again harmless. Every row that belongs to a
firm names it. There is one table per thing and no logic: that is in the modules that use them.
"""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from jobdesk.db.types import DecimalText, Instant, Json, Money, RowNumber

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(column_0_label)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _id() -> Column[str]:
    return Column("id", String(64), primary_key=True)


def _row() -> Column[int]:
    return Column("id", RowNumber, primary_key=True, autoincrement=True)


def _firm() -> Column[str]:
    return Column("firm_id", String(64), ForeignKey("firms.id"), nullable=False)


def _firm_name() -> Column[str]:
    """The firm in what syncs write: the application may keep its firms somewhere else."""
    return Column("firm_id", String(64), nullable=False)


def _currency() -> Column[str]:
    return Column("currency", String(3), nullable=False, server_default="SAR")


def _ref(name: str, target: str, *, nullable: bool = True) -> Column[str]:
    return Column(name, String(64), ForeignKey(f"{target}.id"), nullable=nullable, index=True)


# --- the firm and its work: what the application writes and reports read ---------------------

firms = Table(
    "firms",
    metadata,
    _id(),
    Column("name", String(200), nullable=False),
    Column("name_ar", String(200)),
    Column("vat_number", String(15)),
    Column("cr_number", String(20)),
    _currency(),
    Column("created_at", Instant, nullable=False),
)

users = Table(
    "users",
    metadata,
    _id(),
    _firm(),
    Column("name", String(200), nullable=False),
    Column("name_ar", String(200)),
    Column("email", String(320)),
    Column("role", String(40), nullable=False),
    #: halalas an hour
    Column("hourly_rate", Money, nullable=False, server_default="0"),
    #: what a working day offers; 0: not measured
    Column("daily_minutes", Integer, nullable=False, server_default="480"),
    Column("joined_on", Date),
    Column("left_on", Date),
    Index("ix_users_firm", "firm_id"),
)

clients = Table(
    "clients",
    metadata,
    _id(),
    _firm(),
    Column("name", String(200), nullable=False),
    Column("name_ar", String(200)),
    #: company or person
    Column("kind", String(20), nullable=False),
    Column("email", String(320)),
    Column("phone", String(40)),
    Column("vat_number", String(15)),
    Column("cr_number", String(20)),
    Column("city", String(80)),
    Column("created_at", Instant, nullable=False),
    Index("ix_clients_firm", "firm_id", "id"),
)

cases = Table(
    "cases",
    metadata,
    _id(),
    _firm(),
    _ref("client_id", "clients", nullable=False),
    _ref("lead_user_id", "users"),
    Column("number", String(40), nullable=False),
    Column("title", String(300), nullable=False),
    Column("title_ar", String(300)),
    Column("practice_area", String(60), nullable=False),
    #: open or closed
    Column("status", String(20), nullable=False),
    Column("opened_on", Date, nullable=False),
    Column("closed_on", Date),
    UniqueConstraint("firm_id", "number"),
    Index("ix_cases_firm", "firm_id", "id"),
)

invoices = Table(
    "invoices",
    metadata,
    _id(),
    _firm(),
    _ref("client_id", "clients", nullable=False),
    _ref("case_id", "cases"),
    Column("number", String(60), nullable=False),
    #: draft, issued or void; reports count issued ones
    Column("status", String(20), nullable=False),
    #: invoice or credit_note; a credit note's amounts are negative
    Column("kind", String(20), nullable=False, server_default="invoice"),
    Column("issue_date", Date, nullable=False),
    Column("due_date", Date, nullable=False),
    Column("net", Money, nullable=False),
    Column("vat", Money, nullable=False),
    Column("total", Money, nullable=False),
    _currency(),
    UniqueConstraint("firm_id", "number"),
    CheckConstraint("total = net + vat", name="sum"),
    Index("ix_invoices_firm_issued", "firm_id", "issue_date"),
    Index("ix_invoices_firm", "firm_id", "id"),
)

payments = Table(
    "payments",
    metadata,
    _id(),
    _firm(),
    _ref("invoice_id", "invoices"),
    _ref("client_id", "clients"),
    Column("amount", Money, nullable=False),
    #: of the amount, what went back
    Column("refunded", Money, nullable=False, server_default="0"),
    _currency(),
    #: transfer, card, mada, cash, sadad …
    Column("method", String(20), nullable=False),
    #: pending authorized paid failed cancelled expired refunded partially_refunded unknown
    Column("status", String(20), nullable=False),
    #: when the money came; none while it has not
    Column("received_at", Instant),
    Column("refunded_at", Instant),
    #: stripe, moyasar …; none for what was entered by hand
    Column("provider", String(30)),
    Column("external_id", String(120)),
    Column("provider_status", String(60)),
    Column("checked_at", Instant),
    Column("raw", Json),
    Column("created_at", Instant, nullable=False),
    UniqueConstraint("firm_id", "provider", "external_id"),
    Index("ix_payments_firm_received", "firm_id", "received_at"),
    Index("ix_payments_firm", "firm_id", "id"),
)

expenses = Table(
    "expenses",
    metadata,
    _id(),
    _firm(),
    _ref("case_id", "cases"),
    Column("category", String(40), nullable=False),
    Column("vendor", String(200)),
    Column("spent_on", Date, nullable=False),
    Column("net", Money, nullable=False),
    Column("vat", Money, nullable=False),
    Column("total", Money, nullable=False),
    _currency(),
    CheckConstraint("total = net + vat", name="sum"),
    Index("ix_expenses_firm_spent", "firm_id", "spent_on"),
    Index("ix_expenses_firm", "firm_id", "id"),
)

time_entries = Table(
    "time_entries",
    metadata,
    _id(),
    _firm(),
    _ref("user_id", "users", nullable=False),
    _ref("case_id", "cases"),
    Column("worked_on", Date, nullable=False),
    Column("minutes", Integer, nullable=False),
    Column("billable", Boolean, nullable=False),
    #: halalas an hour, as agreed on that day
    Column("rate", Money, nullable=False, server_default="0"),
    #: halalas; minutes x rate / 60, rounded half up where it is written
    Column("amount", Money, nullable=False, server_default="0"),
    Column("description", String(300)),
    CheckConstraint("minutes > 0", name="minutes"),
    Index("ix_time_entries_firm_worked", "firm_id", "worked_on"),
    Index("ix_time_entries_firm", "firm_id", "id"),
)

#: A report that somebody asked for: the application's own record of it.
reports = Table(
    "reports",
    metadata,
    _id(),
    _firm_name(),
    Column("report_type", String(40), nullable=False),
    #: queued, done or failed
    Column("status", String(20), nullable=False),
    Column("job_id", String(128)),
    Column("path", String(1024)),
    Column("error", String(500)),
    Column("requested_at", Instant, nullable=False),
    Column("finished_at", Instant),
    Index("ix_reports_firm", "firm_id", "requested_at"),
)

# --- what syncs write ------------------------------------------------------------------------

bank_accounts = Table(
    "bank_accounts",
    metadata,
    _id(),
    _firm_name(),
    #: lean
    Column("provider", String(30), nullable=False),
    #: the provider's names of the connection and of the account in it
    Column("entity_id", String(80), nullable=False),
    Column("account_id", String(80), nullable=False),
    Column("name", String(200)),
    Column("iban", String(34)),
    _currency(),
    #: connected or consent_expired
    Column("status", String(20), nullable=False, server_default="connected"),
    Column("synced_at", Instant),
    UniqueConstraint("firm_id", "provider", "account_id"),
)

bank_transactions = Table(
    "bank_transactions",
    metadata,
    _row(),
    _firm_name(),
    _ref("bank_account_id", "bank_accounts", nullable=False),
    Column("provider", String(30), nullable=False),
    Column("external_id", String(120), nullable=False),
    Column("booked_at", Instant, nullable=False),
    Column("value_at", Instant),
    #: signed: negative is money going out
    Column("amount", Money, nullable=False),
    _currency(),
    Column("balance", Money),
    Column("description", Text),
    Column("reference", String(200)),
    Column("merchant", String(200)),
    Column("category", String(80)),
    #: BOOKED, PENDING …, as the bank has it
    Column("status", String(20), nullable=False),
    #: the bank may still change it
    Column("mutable", Boolean, nullable=False, server_default="0"),
    Column("raw", Json),
    Column("synced_at", Instant, nullable=False),
    UniqueConstraint("firm_id", "provider", "bank_account_id", "external_id"),
    Index("ix_bank_transactions_firm_booked", "firm_id", "booked_at"),
)

whatsapp_messages = Table(
    "whatsapp_messages",
    metadata,
    _row(),
    _firm_name(),
    Column("phone_number_id", String(40), nullable=False),
    Column("wa_message_id", String(200), nullable=False),
    #: in or out
    Column("direction", String(3), nullable=False),
    #: who it is with; newer payloads name no number
    Column("contact", String(80)),
    Column("contact_name", String(200)),
    #: text, image, document …
    Column("kind", String(30), nullable=False),
    Column("body", Text),
    Column("reply_to", String(200)),
    Column("media_id", String(80)),
    Column("media_type", String(120)),
    Column("media_sha256", String(64)),
    #: in the data folder, once fetched
    Column("media_path", String(1024)),
    #: received; or sent, delivered, read, failed
    Column("status", String(20), nullable=False),
    Column("status_at", Instant),
    Column("error_code", Integer),
    Column("sent_at", Instant, nullable=False),
    Column("raw", Json),
    Column("synced_at", Instant, nullable=False),
    UniqueConstraint("firm_id", "wa_message_id"),
    Index("ix_whatsapp_messages_firm_sent", "firm_id", "sent_at"),
)

#: What providers posted to us, raw and verified, until a sync has worked it in.
webhook_inbox = Table(
    "webhook_inbox",
    metadata,
    _row(),
    Column("firm_id", String(64)),
    #: whatsapp, lean, stripe, moyasar
    Column("source", String(30), nullable=False),
    Column("event_id", String(200), nullable=False),
    #: what the event is about: for WhatsApp the phone number's id
    Column("subject", String(120)),
    Column("body", Text, nullable=False),
    Column("received_at", Instant, nullable=False),
    Column("processed_at", Instant),
    Column("error", String(500)),
    UniqueConstraint("source", "event_id"),
    Index("ix_webhook_inbox_open", "source", "subject", "processed_at", "id"),
)

#: How far a sync has come, where its provider has an order to follow.
sync_cursors = Table(
    "sync_cursors",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("subject", String(120), primary_key=True),
    Column("position", String(200), nullable=False),
    Column("updated_at", Instant, nullable=False),
)

currency_rates = Table(
    "currency_rates",
    metadata,
    _row(),
    Column("source", String(40), nullable=False),
    Column("base", String(3), nullable=False),
    Column("quote", String(3), nullable=False),
    #: one of base is so many of quote
    Column("rate", DecimalText, nullable=False),
    Column("inverse", DecimalText, nullable=False),
    Column("published_at", Instant, nullable=False),
    Column("fetched_at", Instant, nullable=False),
    #: the source asks not to be asked before
    Column("next_at", Instant),
    UniqueConstraint("source", "base", "quote", "published_at"),
    Index("ix_currency_rates_newest", "base", "quote", "published_at"),
)

zatca_submissions = Table(
    "zatca_submissions",
    metadata,
    _row(),
    _firm_name(),
    Column("invoice_id", String(64)),
    Column("uuid", String(36), nullable=False),
    #: standard or simplified
    Column("kind", String(12), nullable=False),
    Column("invoice_hash", String(64), nullable=False),
    #: submitted, reported, cleared or rejected
    Column("status", String(20), nullable=False),
    #: accepted with warnings
    Column("warnings", Boolean, nullable=False, server_default="0"),
    #: validation messages as they came
    Column("messages", Json),
    #: the stamped XML: in the data folder
    Column("cleared_path", String(1024)),
    Column("http_status", Integer),
    Column("submitted_at", Instant, nullable=False),
    Column("answered_at", Instant),
    UniqueConstraint("firm_id", "uuid"),
)

commercial_registrations = Table(
    "commercial_registrations",
    metadata,
    _row(),
    _firm_name(),
    #: info, fullinfo, status, contract …
    Column("product", String(40), nullable=False),
    Column("number", String(20), nullable=False),
    Column("language", String(2), nullable=False),
    #: false: Wathq knows no such registration
    Column("found", Boolean, nullable=False),
    Column("name", String(300)),
    Column("status", String(60)),
    Column("data", Json),
    Column("fetched_at", Instant, nullable=False),
    UniqueConstraint("firm_id", "product", "number", "language"),
)

# --- notifications ---------------------------------------------------------------------------

notifications = Table(
    "notifications",
    metadata,
    _row(),
    Column("firm_id", String(64)),
    Column("user_id", String(64), nullable=False),
    #: a job run again writes the same row
    Column("job_id", String(128), nullable=False),
    Column("title", String(200), nullable=False),
    Column("message", Text, nullable=False),
    #: info, success, warning, error …
    Column("kind", String(20), nullable=False),
    Column("link", String(1000)),
    Column("metadata", Json),
    Column("created_at", Instant, nullable=False),
    Column("read_at", Instant),
    UniqueConstraint("job_id", "user_id"),
    Index("ix_notifications_user", "user_id", "id"),
    Index("ix_notifications_read", "read_at"),
)

push_subscriptions = Table(
    "push_subscriptions",
    metadata,
    _row(),
    Column("firm_id", String(64)),
    Column("user_id", String(64), nullable=False),
    Column("endpoint", String(1000), nullable=False),
    Column("p256dh", String(120), nullable=False),
    Column("auth", String(60), nullable=False),
    Column("created_at", Instant, nullable=False),
    UniqueConstraint("endpoint"),
    Index("ix_push_subscriptions_user", "user_id"),
)

#: SMS have no idempotency key: what was begun is noted before it is sent.
sms_messages = Table(
    "sms_messages",
    metadata,
    _row(),
    Column("firm_id", String(64)),
    Column("job_id", String(128), nullable=False),
    Column("provider", String(30), nullable=False),
    #: begun, sent or refused
    Column("status", String(20), nullable=False),
    Column("external_id", String(80)),
    Column("begun_at", Instant, nullable=False),
    Column("sent_at", Instant),
    UniqueConstraint("job_id"),
)

#: Addresses that answered 410: nothing is sent there any more.
webhook_endpoints = Table(
    "webhook_endpoints",
    metadata,
    _row(),
    Column("url", String(1000), nullable=False),
    Column("disabled_at", Instant),
    Column("reason", String(200)),
    UniqueConstraint("url"),
)

# --- what cleanup looks after ----------------------------------------------------------------

sessions = Table(
    "sessions",
    metadata,
    _id(),
    Column("firm_id", String(64)),
    Column("user_id", String(64), nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Index("ix_sessions_expires", "expires_at"),
)

tokens = Table(
    "tokens",
    metadata,
    _id(),
    Column("firm_id", String(64)),
    Column("user_id", String(64), nullable=False),
    #: password_reset, email_verification, refresh …
    Column("kind", String(30), nullable=False),
    Column("token_hash", String(64), nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("used_at", Instant),
    UniqueConstraint("token_hash"),
    Index("ix_tokens_expires", "expires_at"),
)

audit_logs = Table(
    "audit_logs",
    metadata,
    _row(),
    Column("firm_id", String(64)),
    Column("user_id", String(64)),
    Column("action", String(60), nullable=False),
    Column("entity", String(60)),
    Column("entity_id", String(64)),
    Column("ip", String(45)),
    Column("details", Json),
    Column("at", Instant, nullable=False),
    Index("ix_audit_logs_at", "at", "id"),
)
