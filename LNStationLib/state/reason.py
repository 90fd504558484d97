"""Why something was called, left out or not assessed: a code with facts.

``assessment/reasons.py`` makes the words.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Reason:
    """A reason as data.

    Attributes:
        code: Names the reason, e.g. ``"tumor_fills_station"``.
        facts: What it rests on, by name: numbers, words of a table, lists of them, or other reasons.
    """

    code: str
    facts: Mapping[str, Any] = field(default_factory=dict)
