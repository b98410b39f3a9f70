"""A report's charts as SVG. matplotlib is imported inside the call; no display, no pyplot.

Letters are drawn as outlines, so that the PDF needs no font for them and Arabic stays joined.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from jobdesk.documents import assets
from jobdesk.reports.model import Chart, Unit, shown

if TYPE_CHECKING:
    from collections.abc import Sequence

_COLOURS = ("#0d5c54", "#d29a3a", "#9aa5b1", "#7c4d79", "#3f7cac")
_INK, _QUIET, _HAIRLINE = "#16202c", "#66717f", "#d9dee4"
_WIDTH_IN = 6.85
#: More labels than this below a chart, and they would run into each other.
_LABELS = 13


def svg(chart: Chart, *, language: str = "en") -> str:
    """The chart, without its title: that is text of the document."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    style: dict[Any, Any] = {
        "font.family": _families(),
        "font.size": 7.5,
        "text.color": _INK,
        "axes.edgecolor": _HAIRLINE,
        "axes.labelcolor": _QUIET,
        "xtick.color": _QUIET,
        "ytick.color": _QUIET,
        "svg.fonttype": "path",
        "svg.hashsalt": "jobdesk",
    }
    with mpl.rc_context(style):
        height = 0.45 + 0.24 * len(chart.categories) if chart.lying else 2.35
        figure = Figure(figsize=(_WIDTH_IN, height), layout="constrained")
        axes = figure.add_subplot()
        (_lying if chart.lying else _upright)(axes, chart, language)
        begin = "right" if language == "ar" else "left"
        for side in ("top", "right", "left", "bottom"):
            axes.spines[side].set_visible(side == (begin if chart.lying else "bottom"))
        axes.tick_params(length=0)
        if len(chart.series) > 1:
            figure.legend(
                *_legend(axes, language),
                loc="outside upper right" if language == "ar" else "outside upper left",
                ncols=len(chart.series),
                frameon=False,
                handlelength=1,
                handleheight=0.8,
                columnspacing=1.6,
            )
        stream = io.StringIO()
        figure.savefig(stream, format="svg", transparent=True, metadata={"Date": None})
    return stream.getvalue()


def _upright(axes: Any, chart: Chart, language: str) -> None:
    """Columns by category, side by side or on each other; time goes with the language."""
    places = list(range(len(chart.categories)))
    if language == "ar":
        axes.invert_xaxis()
        axes.yaxis.tick_right()
    count = 1 if chart.stacked else len(chart.series)
    width = 0.74 / count
    base = [0.0] * len(places)
    for number, series in enumerate(chart.series):
        values = _scaled(series.values, chart.unit)
        # where the axis is turned round, the first series still comes first
        offset = 0 if chart.stacked else (number - (count - 1) / 2) * width
        axes.bar(
            [place + offset for place in places],
            values,
            width * (1 if chart.stacked else 0.92),
            bottom=base if chart.stacked else None,
            color=_COLOURS[number % len(_COLOURS)],
            label=series.label.in_(language),
            zorder=2,
        )
        if chart.stacked:
            base = [below + value for below, value in zip(base, values, strict=True)]
    step = -(-len(places) // _LABELS) if places else 1
    axes.set_xticks(places[::step], [one.in_(language) for one in chart.categories[::step]])
    axes.yaxis.set_major_formatter(_formatter(chart.unit, language))
    axes.locator_params(axis="y", nbins=5)
    if chart.unit is Unit.COUNT:
        axes.yaxis.get_major_locator().set_params(integer=True)
    axes.grid(axis="y", color=_HAIRLINE, linewidth=0.5, zorder=0)
    axes.axhline(0, color=_INK, linewidth=0.6, zorder=3)
    axes.margins(x=0.01)


def _lying(axes: Any, chart: Chart, language: str) -> None:
    """Bars under each other, with their numbers at their ends."""
    places = list(range(len(chart.categories)))
    values = _scaled(chart.series[0].values, chart.unit)
    axes.invert_yaxis()
    if language == "ar":  # before the labels: they go to the side that is the end now
        axes.invert_xaxis()
        axes.yaxis.tick_right()
    bars = axes.barh(places, values, 0.62, color=_COLOURS[0], zorder=2)
    labels = [_text(value, chart.unit) for value in chart.series[0].values]
    axes.bar_label(bars, labels, padding=4, color=_INK)
    names = [_short(one.in_(language)) for one in chart.categories]
    axes.set_yticks(places, names, color=_INK)
    axes.set_xticks([])
    axes.margins(x=0.12, y=0.02)
    if min(values, default=0) >= 0:
        axes.set_xlim(**{"right" if language == "ar" else "left": 0})


def _legend(axes: Any, language: str) -> tuple[list[Any], list[str]]:
    handles, labels = axes.get_legend_handles_labels()
    return (handles[::-1], labels[::-1]) if language == "ar" else (handles, labels)


def _scaled(values: Sequence[int], unit: Unit) -> list[float]:
    return [float(shown(value, unit)) for value in values]


def _text(value: int, unit: Unit) -> str:
    amount = shown(value, unit)
    if unit is Unit.PERCENT:
        return f"{amount:.1f}%"
    return f"{amount:,.0f}".replace("-", "\N{MINUS SIGN}")


def _formatter(unit: Unit, language: str) -> Any:
    from matplotlib.ticker import FuncFormatter

    def tick(value: float, _place: int) -> str:
        if unit is Unit.PERCENT:
            return f"{value:g}%"
        for size, letter in ((1e6, "M"), (1e3, "k")) if language != "ar" else ():
            if abs(value) >= size:
                return f"{value / size:g}{letter}".replace("-", "\N{MINUS SIGN}")
        return f"{value:,.10g}".replace("-", "\N{MINUS SIGN}")

    return FuncFormatter(tick)


def _short(text: str) -> str:
    return text if len(text) <= 34 else text[:33].rstrip() + "…"


_families_known: list[str] = []


def _families() -> list[str]:
    """The documents' own fonts, Latin before Arabic, registered with matplotlib once."""
    if not _families_known:
        from matplotlib import font_manager

        for name in ("plex.ttf", "almarai-400.ttf"):
            path = assets.font_path(name)
            font_manager.fontManager.addfont(path)
            _families_known.append(font_manager.FontProperties(fname=path).get_name())
        _families_known.append("DejaVu Sans")
    return _families_known
