"""The data of the sync queue's jobs."""

from __future__ import annotations

import base64
import binascii
from datetime import date, timedelta
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from jobdesk import settings as settings_module
from jobdesk.jobdata import JobData
from jobdesk.providers.own import payment_names
from jobdesk.providers.payments import KNOWN
from jobdesk.providers.wathq import NUMBER
from jobdesk.tasks.fields import Id  # read by pydantic


class WhatsAppMessages(JobData):
    """What was posted about one of a firm's numbers."""

    firm_id: Id
    phone_number_id: Id


LONGEST = timedelta(days=3 * 366)


class BankTransactions(JobData):
    """The transactions of some days of one account, both days included."""

    firm_id: Id
    bank_account_id: Id
    start_date: date | None = None
    end_date: date | None = None

    @model_validator(mode="after")
    def _in_order(self) -> BankTransactions:
        if self.start_date and self.end_date:
            if self.start_date > self.end_date:
                raise ValueError("startDate is behind endDate")
            if self.end_date - self.start_date > LONGEST:
                raise ValueError("at most three years at once")
        return self


def _provider(name: str) -> str:
    there = (*KNOWN, *payment_names(settings_module.current()))
    if name not in there:
        raise ValueError(f"must be one of {', '.join(there)}")
    return name


class PaymentCheck(JobData):
    """One payment of ours, and whose it is."""

    payment_id: Id
    payment_provider: Annotated[str, AfterValidator(_provider)]
    firm_id: Id | None = None


class SadadPayment(JobData):
    """A SADAD bill, by the payment's id: the data of ``mudad-payment``, the old name."""

    payment_id: Id
    firm_id: Id | None = None


def _base64(text: str) -> str:
    try:
        base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("must be the signed XML in base64") from None
    return text


class ZatcaInvoice(JobData):
    """A signed invoice: its XML in base64, or its path in the data folder."""

    firm_id: Id
    invoice_id: Id | None = None
    xml: Annotated[str, AfterValidator(_base64)] | None = None
    path: Annotated[str, Field(min_length=1, max_length=1024)] | None = None
    #: checked against the invoice's own type where given
    kind: Literal["standard", "simplified"] | None = None

    @model_validator(mode="after")
    def _one_source(self) -> ZatcaInvoice:
        if (self.xml is None) == (self.path is None):
            raise ValueError("give xml or path, one of them")
        return self


Number = Annotated[str, StringConstraints(pattern=f"^(?:{NUMBER.pattern})$")]


class WathqRegistration(JobData):
    """One registration, by its unified number (70…) or the old one."""

    firm_id: Id
    registration_number: Number
    product: Literal["info", "fullinfo", "status", "contract"] = "info"
    language: Literal["ar", "en"] = "ar"
    #: what was looked up within so many hours is not asked again
    max_age_hours: Annotated[float, Field(ge=0, le=8784, allow_inf_nan=False)] = 24


class WathqContract(JobData):
    """The company's contract: the data of ``wathq-contract``, the old name."""

    contract_id: Number
    firm_id: Id


Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]


USUAL = ("USD", "EUR", "GBP", "AED", "KWD", "BHD", "QAR", "OMR", "EGP", "JOD")


class CurrencyRates(JobData):
    """What one of ``base`` is in each of ``quotes``."""

    base: Currency = "SAR"
    quotes: Annotated[tuple[Currency, ...], Field(min_length=1, max_length=50)] = USUAL

    @model_validator(mode="after")
    def _others(self) -> CurrencyRates:
        if self.base in self.quotes:
            raise ValueError("base is among the quotes")
        return self
