"""The colors that a call has in views, tables, station map and pictures. Standard library only: Slicer reads it too.

Vermilion and blue of Okabe and Ito (2008): told apart with any color vision, and apart from most station colors.
"""

from __future__ import annotations

from typing import Final

Rgb = tuple[float, float, float]

POSITIVE: Final = "#d55e00"
NEGATIVE: Final = "#0072b2"
NOT_ASSESSED: Final = "#999999"
UNCONFIRMED: Final = "#f2d940"
"""Of node candidates that are not fit for staging, whatever their call."""
POSITIVE_INK: Final = "#a84300"
NEGATIVE_INK: Final = "#005a8e"
"""Darker, for letters on white: contrast above 4.5 to 1 (WCAG 2.2, 1.4.3)."""
POSITIVE_LIGHT: Final = "#ff9a4d"
NEGATIVE_LIGHT: Final = "#5fb3e6"
"""Lighter, for letters on a dark ground: contrast likewise."""


def rgb(color: str) -> Rgb:
    """``"#rrggbb"`` as sRGB in [0, 1]."""
    red, green, blue = bytes.fromhex(color.removeprefix("#"))
    return red / 255, green / 255, blue / 255


def letter_color(call: str, on_dark: bool) -> str:
    """The color of a call for letters."""
    if on_dark:
        return POSITIVE_LIGHT if call == "positive" else NEGATIVE_LIGHT
    return POSITIVE_INK if call == "positive" else NEGATIVE_INK


def call_color(call: str | None, fit_for_staging: bool = True) -> str:
    """The color of a call, or of none; one color for all that rests on unconfirmed candidates."""
    if not fit_for_staging:
        return UNCONFIRMED
    return {"positive": POSITIVE, "negative": NEGATIVE}.get(call or "", NOT_ASSESSED)
