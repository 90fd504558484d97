"""Why something was called, left out, not assessed or is to be checked: a code with facts.

``support/words.py`` keeps the words; the steps give reasons, and only the edge says them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Reason:
    """A reason or a warning as data.

    Attributes:
        code: Names the reason, e.g. ``"tumor_fills_station"``.
        facts: What it rests on, by name: numbers, words of a table, lists of them, or other reasons.
    """

    code: str
    facts: Mapping[str, Any] = field(default_factory=dict)


def each_once(reasons: Iterable[Reason]) -> list[Reason]:
    """Reasons in their order, each where it comes first; their facts may be lists, so they cannot be keys."""
    kept: list[Reason] = []
    for reason in reasons:
        if reason not in kept:
            kept.append(reason)
    return kept
