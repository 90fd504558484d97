"""Parts of sentences for the user."""

from __future__ import annotations

from collections.abc import Iterable

from LNStationLib.support.language import say

SYNTHETIC_ONLY = "trained on synthetic patients only"
"""Said wherever the output of such a model shows."""
_LONGEST_QUOTED_CHARACTERS = 120
"""Of a name or key that a file holds; a longer one is a page that lost its end."""


def quoted(text: object) -> str:
    """What a file holds, for a sentence about it: on one line, not at length, without what steers a terminal."""
    shown = "".join(letter if letter.isprintable() else "?" for letter in str(text))
    return shown if len(shown) <= _LONGEST_QUOTED_CHARACTERS else f"{shown[:_LONGEST_QUOTED_CHARACTERS]}..."


def first_line(error: BaseException) -> str:
    """What a library says of a failure without what follows: C++ libraries list where they were."""
    return (str(error) or type(error).__name__).splitlines()[0]


def on_one_line(error: BaseException) -> str:
    """All that a library says of a failure, where it says it over several lines, as YAML's does."""
    return " ".join(str(error).split()) or type(error).__name__


def listed(names: Iterable[str]) -> str:
    """Join names for a sentence: "a, b and c"; there must be at least one."""
    *first, last = names
    return say("{first} and {last}", first=", ".join(first), last=last) if first else last
