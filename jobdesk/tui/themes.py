"""The two themes of one's own. Everything else uses their variables, never a colour."""

from __future__ import annotations

from textual.color import Color
from textual.theme import Theme

DARK = Theme(
    name="jobdesk-dark",
    primary="#7aa2f7",
    secondary="#5a6b9a",
    accent="#7dcfff",
    success="#9ece6a",
    warning="#e0af68",
    error="#f7768e",
    foreground="#c5cbe3",
    background="#14161f",
    surface="#191c27",
    panel="#252a3a",
    dark=True,
    variables={
        "border": "#7aa2f7",
        "border-blurred": "#353b50",
        "scrollbar": "#353b50",
        "scrollbar-hover": "#4a5270",
        "scrollbar-active": "#7aa2f7",
        "scrollbar-background": "#14161f",
        "scrollbar-background-hover": "#14161f",
        "scrollbar-background-active": "#14161f",
        "block-cursor-background": "#2d3550",
        "block-cursor-foreground": "#e6eaff",
        "block-cursor-text-style": "none",
        "block-cursor-blurred-background": "#202536",
        "input-selection-background": "#7aa2f7 35%",
    },
)
LIGHT = Theme(
    name="jobdesk-light",
    primary="#2e5fc4",
    secondary="#6a7ba8",
    accent="#0b7a99",
    success="#3d7a1c",
    warning="#96600a",
    error="#c0284a",
    foreground="#2a2f45",
    background="#f6f7fb",
    surface="#eef0f6",
    panel="#dfe3ee",
    dark=False,
    variables={
        "border": "#2e5fc4",
        "border-blurred": "#c3c9da",
        "scrollbar": "#c3c9da",
        "scrollbar-hover": "#a3acc6",
        "scrollbar-active": "#2e5fc4",
        "scrollbar-background": "#f6f7fb",
        "scrollbar-background-hover": "#f6f7fb",
        "scrollbar-background-active": "#f6f7fb",
        "block-cursor-background": "#cdd9f5",
        "block-cursor-foreground": "#141a30",
        "block-cursor-text-style": "none",
        "block-cursor-blurred-background": "#e3e7f1",
        "input-selection-background": "#2e5fc4 25%",
    },
)
DEFAULT = DARK.name
#: What is read stands out from what it stands on by so much, as WCAG reckons it.
CONTRAST = 2.9
#: What words are drawn in.
TONES = ("quiet", "primary", "accent", "success", "warning", "error")


def with_shades(variables: dict[str, str]) -> dict[str, str]:
    """A theme's variables with ours: ``quiet`` and ``faint`` text, borders without the focus."""
    try:
        front = Color.parse(variables["foreground"])
        back = Color.parse(variables["background"])
    except (KeyError, ValueError):
        return {"quiet": "ansi_bright_black", "faint": "ansi_bright_black", **variables}
    shades = {
        "quiet": front.blend(back, 0.38).hex,
        "faint": front.blend(back, 0.68).hex,
        "border-blurred": front.blend(back, 0.78).hex,
    }
    # the terminal's own colours cannot be mixed
    if variables["foreground"].startswith("ansi"):
        return {**variables, **dict.fromkeys(shades, "ansi_bright_black")}
    return readable({**variables, **shades}, front, back)


def readable(variables: dict[str, str], front: Color, back: Color) -> dict[str, str]:
    """The variables with a cursor on which every tone can be read, and tones that can.

    Most themes have a cursor for one colour of text, and light ones a yellow for large areas.
    """
    made = dict(variables)
    primary = Color.parse(made["primary"])
    for name, other in (("", back.blend(primary, 0.22)), ("blurred-", back.blend(front, 0.1))):
        under = Color.parse(made[f"block-cursor-{name}background"])
        if (
            contrast(Color.parse(made["quiet"]), back.blend(under.with_alpha(1), under.a))
            < CONTRAST
        ):
            made[f"block-cursor-{name}background"] = other.hex
            made[f"block-cursor-{name}foreground"] = front.hex
    cursor = Color.parse(made["block-cursor-background"])
    for name in TONES:
        tone = Color.parse(made[name])
        while min(contrast(tone, cursor), contrast(tone, back)) < CONTRAST:
            closer = tone.blend(front, 0.15)
            if closer == tone:
                break
            tone = closer
        if tone != Color.parse(made[name]):
            made[name] = tone.hex
    return made


def contrast(one: Color, other: Color) -> float:
    """How far two colours stand apart, 1 to 21."""
    low, high = sorted((_light(one), _light(other)))
    return (high + 0.05) / (low + 0.05)


def _light(colour: Color) -> float:
    red, green, blue = (
        part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4
        for part in colour.normalized
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
