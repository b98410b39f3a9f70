"""What may be chosen about a page, and nothing else: paper, orientation, margins."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from jobdesk.jobdata import JobData

Millimetres = Annotated[float, Field(ge=5, le=50, allow_inf_nan=False)]


class Margins(JobData):
    """The margins in millimetres; one that is not given is 18."""

    top: Millimetres = 18
    right: Millimetres = 18
    bottom: Millimetres = 18
    left: Millimetres = 18


class PageOptions(JobData):
    """What may be chosen about the page."""

    format: Literal["A4", "Letter"] = "A4"
    orientation: Literal["portrait", "landscape"] = "portrait"
    #: millimetres, one number for all four sides; unset: the template's
    margin: Millimetres | Margins | None = None

    @property
    def css(self) -> str:
        """The declarations for ``@page``; made of checked values only."""
        return f"size: {self.format} {self.orientation};{self._margin()}"

    @property
    def css_over_html(self) -> str:
        """The same for HTML that is given: what was chosen wins, the rest is the HTML's to say."""
        chosen = self.model_fields_set
        size = " !important" if {"format", "orientation"} & chosen else ""
        margin = self._margin(" !important") or " margin: 17mm 18mm 22mm;"
        return f"@page {{ size: {self.format} {self.orientation}{size};{margin} }}"

    def _margin(self, weight: str = "") -> str:
        if self.margin is None:
            return ""
        if isinstance(self.margin, Margins):
            m = self.margin
            sides = f"{m.top:g}mm {m.right:g}mm {m.bottom:g}mm {m.left:g}mm"
        else:
            sides = f"{self.margin:g}mm"
        return f" margin: {sides}{weight};"
