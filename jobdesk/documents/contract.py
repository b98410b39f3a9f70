"""A contract: parties, clauses, and where they sign.

Clauses that are given in two languages stand side by side, English to the left.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated

from pydantic import AfterValidator, Field, model_validator

from jobdesk.documents.fields import (
    Amount,
    Currency,
    Name,
    Paper,
    Party,
    Text,
    printable,
)
from jobdesk.jobdata import JobData

#: A clause may take pages.
ClauseText = Annotated[str, Field(max_length=20_000), AfterValidator(printable)]


class ContractParty(Party):
    """A party to a contract, and who signs for it."""

    role: Text | None = None
    role_ar: Text | None = None
    representative: Text | None = None
    representative_ar: Text | None = None


class Clause(JobData):
    """A clause; they are numbered as they come. An empty line begins a new paragraph."""

    title: Text | None = None
    title_ar: Text | None = None
    text: ClauseText | None = None
    text_ar: ClauseText | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Clause:
        if not self.text and not self.text_ar:
            raise ValueError("text or textAr is needed")
        return self


class ContractData(Paper):
    """The data of a contract."""

    contract_number: Text | None = None
    title: Name
    title_ar: Text | None = None
    parties: tuple[ContractParty, ...] = Field(min_length=1, max_length=10)
    contract_date: date | None = None
    start_date: date | None = None
    end_date: date | None = None
    value: Amount | None = None
    currency: Currency = "SAR"
    preamble: ClauseText | None = None
    preamble_ar: ClauseText | None = None
    clauses: tuple[Clause, ...] = Field((), max_length=300)
    place: Text | None = None
    place_ar: Text | None = None
    signatures: bool = True

    @model_validator(mode="after")
    def _makes_sense(self) -> ContractData:
        if self.start_date and self.end_date and self.end_date < self.start_date:
            raise ValueError(f"endDate {self.end_date} is before startDate {self.start_date}")
        return self

    @property
    def side_by_side(self) -> bool:
        """Whether clauses stand in two columns: English to the left, Arabic to the right."""
        texts = [(clause.text, clause.text_ar) for clause in self.clauses]
        return any(english and arabic for english, arabic in texts)
