"""Fields that the data of several queues has."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

#: An id of the application's own, as ``507f1f77bcf86cd799439011``.
Id = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.:@-]{1,64}$")]
Title = Annotated[str, Field(min_length=1, max_length=200)]
Text = Annotated[str, Field(min_length=1, max_length=4000)]
