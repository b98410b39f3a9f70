"""The names a job may ask by. In a module of their own, so that checking a job needs no SQL."""

from __future__ import annotations

from typing import Literal

MetricName = Literal[
    "revenue",
    "received",
    "collection-rate",
    "active-clients",
    "new-clients",
    "invoices-issued",
    "average-invoice",
    "days-to-pay",
    "cases-opened",
    "cases-closed",
    "open-cases",
    "billable-hours",
]
DatasetName = Literal[
    "clients", "cases", "invoices", "payments", "expenses", "time-entries", "bank-transactions"
]
DefinitionName = Literal[
    "invoices-by-client",
    "invoices-by-status",
    "payments-by-method",
    "expenses-by-category",
    "expenses-by-case",
    "hours-by-case",
    "hours-by-person",
    "cases-by-practice-area",
]
Operator = Literal["eq", "ne", "lt", "lte", "gt", "gte", "in"]
