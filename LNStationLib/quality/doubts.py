"""What the quality check found, as data; ``words.py`` has the words."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Literal

from LNStationLib.quality.rules import Bounds, Measure, Rule

Severity = Literal["leave_out", "doubtful"]


@dataclass(frozen=True)
class Doubt:
    """A measure that is outside its bounds.

    Attributes:
        names: What it is about: organs, landmarks or one station.
        measure: What was measured.
        value: Its value, in the unit that the measure's name says; shares from 0 to 1.
        usual: The bounds that make a value doubtful.
        possible: The bounds that leave it out.
        severity: What follows from the value alone; a structure of the user's is at most doubtful.
        first: First term of a relation.
        second: Second term of a relation.
    """

    names: tuple[str, ...]
    measure: Measure
    value: float
    usual: Bounds
    possible: Bounds
    severity: Severity
    first: str | None = None
    second: str | None = None

    @property
    def facts(self) -> dict[str, Any]:
        """The same as the facts of a reason."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


def judge(
    rule: Rule,
    value: float,
    names: tuple[str, ...],
    measure: Measure,
    *,
    upper_only: bool = False,
    terms: tuple[str, str] | None = None,
) -> Doubt | None:
    """Check a value against its rule.

    Args:
        rule: The bounds.
        value: In the rule's unit.
        names: What it is about.
        measure: What was measured.
        upper_only: The structure is cut by the view: only too much can be seen.
        terms: Of a relation.

    Returns:
        ``None`` where the value is usual.
    """
    if _within(value, rule.usual, upper_only):
        return None
    severity: Severity = "doubtful" if _within(value, rule.possible, upper_only) else "leave_out"
    first, second = terms or (None, None)
    return Doubt(names, measure, value, rule.usual, rule.possible, severity, first, second)


def _within(value: float, bounds: Bounds, upper_only: bool) -> bool:
    low, high = bounds
    return (low is None or upper_only or value >= low) and (high is None or value <= high)
