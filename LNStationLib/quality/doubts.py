"""What the quality check found, as data, and the one place that words it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from LNStationLib import anatomy
from LNStationLib.quality.rules import Bounds, Measure, Rule

Severity = Literal["leave_out", "doubtful"]

_WORDS: dict[Measure, str] = {
    "volume_ml": "its volume is {value} ml",
    "height_mm": "it is {value} mm high",
    "above_mm": "{first} lies {value} mm above {second}",
    "left_of_mm": "{first} lies {value} mm to the patient's left of {second}",
    "lowest_above_carina_mm": "its lowest slice lies {value} mm above the carina",
    "highest_above_carina_mm": "its highest slice lies {value} mm above the carina",
    "left_of_carina_mm": "its middle lies {value} mm to the patient's left of the carina",
    "share_in_air": "{value} of it is air or lung",
    "share_outside_body": "{value} of it lies outside the body",
    "share_in_bone": "{value} of it lies in bone",
    "share_before_sternum": "{value} of it lies in front of the sternum",
    "share_behind_spine_front": "{value} of it lies behind the spine's front half",
    "share_outside_chest": "{value} of it lies outside the chest",
}


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
    def reason(self) -> str:
        """What was measured and what is usual, without subject: "its volume is 9000 ml (usual: 150 to 5000)"."""
        words = _WORDS[self.measure].format(
            value=self._number(self.value),
            first=None if self.first is None else _term(self.first),
            second=None if self.second is None else _term(self.second),
        )
        label, bounds = ("possible", self.possible) if self.severity == "leave_out" else ("usual", self.usual)
        return f"{words} ({label}: {self._range(bounds)})"

    def _number(self, value: float) -> str:
        if self.measure.startswith("share"):
            return f"{value:.0%}"
        return f"{value:.0f}" if abs(value) >= 10 else f"{value:.2g}"

    def _range(self, bounds: Bounds) -> str:
        low, high = bounds
        if low is None:
            return f"up to {self._number(high or 0.0)}"
        return f"from {self._number(low)}" if high is None else f"{self._number(low)} to {self._number(high)}"


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


def title(name: str) -> str:
    """The title of an organ or a landmark."""
    known = {row.name: row.title for row in anatomy.organs()}
    return known.get(name, name.replace("_", " "))


def _term(term: str) -> str:
    part, colon, organ = term.partition(":")
    return f"the {part} of the {title(organ)}" if colon else f"the {title(term)}"
