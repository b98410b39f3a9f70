"""A statement of account: what was charged and paid in a period, and the balance after each.

A positive balance is what the client owes. A ``closingBalance`` that is not what the lines make is
refused, naming both.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from functools import cached_property

from pydantic import BaseModel, ConfigDict, Field, model_validator

from jobdesk.documents.fields import (
    ZERO,
    Amount,
    Balance,
    Currency,
    LongText,
    Name,
    Paper,
    Party,
    Payment,
    Text,
)
from jobdesk.documents.formats import rounded
from jobdesk.jobdata import JobData


class Transaction(JobData):
    """One line: ``debit`` was charged to the client, ``credit`` was paid or given back."""

    date: date
    description: Name
    description_ar: Text | None = None
    reference: Text | None = None
    debit: Amount = ZERO
    credit: Amount = ZERO

    @model_validator(mode="after")
    def _one_side(self) -> Transaction:
        if bool(self.debit) == bool(self.credit):
            raise ValueError("give debit or credit, one of them, above 0")
        return self


class Booked(BaseModel):
    """A line as it is printed, with the balance after it."""

    model_config = ConfigDict(frozen=True)

    transaction: Transaction
    debit: Decimal
    credit: Decimal
    balance: Decimal


class StatementData(Paper):
    """The data of a statement of account."""

    client_name: Text | None = None
    client: Party | None = None
    seller: Party | None = None
    statement_number: Text | None = None
    start_date: date | None = None
    end_date: date | None = None
    issue_date: date | None = None
    currency: Currency = "SAR"
    opening_balance: Balance = ZERO
    transactions: tuple[Transaction, ...] = Field((), max_length=5000)
    closing_balance: Balance | None = None
    payment: Payment | None = None
    notes: LongText | None = None

    @model_validator(mode="after")
    def _makes_sense(self) -> StatementData:
        if self.client is None and not self.client_name:
            raise ValueError("clientName or client is needed: whose account is it?")
        if self.start_date and self.end_date and self.end_date < self.start_date:
            raise ValueError(f"endDate {self.end_date} is before startDate {self.start_date}")
        days = [line.date for line in self.transactions]
        if days != sorted(days):
            raise ValueError("transactions must stand in the order of their dates")
        if days and self.start_date and days[0] < self.start_date:
            raise ValueError(f"a transaction of {days[0]} is before startDate {self.start_date}")
        if days and self.end_date and days[-1] > self.end_date:
            raise ValueError(f"a transaction of {days[-1]} is after endDate {self.end_date}")
        if self.closing_balance is not None:
            told = rounded(self.closing_balance, self.currency)
            if told != self.closing:
                raise ValueError(
                    f"closingBalance is {told:,f}, but the lines make {self.closing:,f}; correct"
                    " one of them, or leave out closingBalance"
                )
        return self

    @cached_property
    def lines(self) -> tuple[Booked, ...]:
        """The lines with their balances."""
        made, balance = [], self.opening
        for line in self.transactions:
            debit = rounded(line.debit, self.currency)
            credit = rounded(line.credit, self.currency)
            balance += debit - credit
            made.append(Booked(transaction=line, debit=debit, credit=credit, balance=balance))
        return tuple(made)

    @property
    def opening(self) -> Decimal:
        """The balance before the first line."""
        return rounded(self.opening_balance, self.currency)

    @property
    def closing(self) -> Decimal:
        """The balance after the last line."""
        return self.lines[-1].balance if self.lines else self.opening

    @property
    def debits(self) -> Decimal:
        """All that was charged."""
        return sum((line.debit for line in self.lines), ZERO)

    @property
    def credits(self) -> Decimal:
        """All that was paid."""
        return sum((line.credit for line in self.lines), ZERO)

    @property
    def has_references(self) -> bool:
        """Whether any line has one."""
        return any(line.reference for line in self.transactions)

    @property
    def holder(self) -> Party:
        """Whose account it is."""
        return self.client or Party(name=self.client_name or "")
