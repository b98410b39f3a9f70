"""How many of what, in words: ``1 job``, ``1,234 jobs``."""

from __future__ import annotations


def counted(number: int, noun: str) -> str:
    """A number with its noun, which takes an s for more than one."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
