"""Formatting of values, the same in every output for people."""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime

from LNStationLib.support.language import decimal, marked

SYNTHETIC_MODEL = marked("SYNTHETIC TRAINING: a model behind these results learned from synthetic patients only")
NOTHING = "\N{EM DASH}"
"""Stands for ``None``: not assessed, not measured or not given. Never for 0."""


def number(value: float | None, digits: int) -> str:
    """A number with fixed digits, a real minus sign and the language's decimal sign; ``NOTHING`` for ``None``."""
    if value is None:
        return NOTHING
    text = f"{value:.{digits}f}"
    if float(text) == 0:
        text = text.lstrip("-")
    return decimal(text.replace("-", "\N{MINUS SIGN}"))


def plural(count: int, noun: str) -> str:
    """``"1 node"``, ``"2 nodes"``."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def clean(text: str) -> str:
    """Free text made fit for one line on paper.

    Control and bidirectional-override characters (Unicode categories Cc and Cf, and lone surrogates) become
    spaces: XML and PDF cannot hold the first, the second could make a line read differently from what it says.
    """
    kept = (" " if unicodedata.category(character) in ("Cc", "Cf", "Cs") else character for character in text)
    return " ".join("".join(kept).split())


def sentence(text: str) -> str:
    """Cleaned text with a first capital and a full stop."""
    words = clean(text)
    if not words:
        return ""
    first = words.split()[0]
    if first.isalpha() and first.islower():  # file names keep their spelling
        words = words[0].upper() + words[1:]
    return words + ("" if words[-1] in ".!?" else ".")


def time_text(when: str, *, naive_is_utc: bool = False) -> str:
    """An ISO 8601 time to the second, in UTC where it says its zone.

    Args:
        when: The time.
        naive_is_utc: A time without a zone is in UTC.

    Raises:
        ValueError: It is not such a time.
    """
    time = datetime.fromisoformat(when)
    if time.tzinfo is None and not naive_is_utc:
        return time.isoformat(sep=" ", timespec="seconds")
    utc = time if time.tzinfo is None else time.astimezone(UTC).replace(tzinfo=None)
    return f"{utc.isoformat(sep=' ', timespec='seconds')} UTC"
