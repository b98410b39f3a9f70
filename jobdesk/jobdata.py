"""The base of the models that check a job's data."""

from __future__ import annotations

import re
from typing import Any

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel


def _title(name: str, _info: Any) -> str:
    """What a form calls a field: ``reply_to`` is "Reply to"."""
    return re.sub(r"_+", " ", name).strip().capitalize()


class JobData(BaseModel):
    """Camel case outside, snake case inside; a name that is not known is refused."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        extra="forbid",
        frozen=True,
        field_title_generator=_title,
    )
