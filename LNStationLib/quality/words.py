"""Words for what is implausible or doubtful."""

from __future__ import annotations

from collections.abc import Sequence

from LNStationLib import anatomy
from LNStationLib.quality.rules import Bounds, Measure
from LNStationLib.support.sentences import listed
from LNStationLib.support.words import Facts, words_for

_MEASURED: dict[Measure, str] = {
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


@words_for("implausible")
def _implausible(facts: Facts) -> str:
    return f"left out as implausible: {measured(facts)}"


@words_for("doubtful")
def _doubtful(facts: Facts) -> str:
    return f"doubtful: {measured(facts)}"


@words_for("organs_left_out")
def _organs_left_out(facts: Facts) -> str:
    return f"Left out as implausible, with what rests on it: {titles(facts['names'])}; {measured(facts)}."


@words_for("supplied_organs_implausible")
def _supplied_organs(facts: Facts) -> str:
    return (
        f"Implausible, but supplied and used as it is: {titles(facts['names'])}; {measured(facts)}: check the mask."
    )


@words_for("organs_doubtful")
def _organs_doubtful(facts: Facts) -> str:
    return f"Doubtful: {titles(facts['names'])}; {measured(facts)}: check it."


@words_for("pet_misregistered")
def _misregistered(facts: Facts) -> str:
    offset = facts["offset_mm"]
    return (
        f"PET and CT were breathed differently: the dome of the liver lies {abs(offset):.0f} mm "
        f"{'higher' if offset > 0 else 'lower'} on PET than on CT. Uptake near the diaphragm, and less at the hila, "
        "may belong elsewhere: check the overlay."
    )


def titles(names: Sequence[str]) -> str:
    """Titles of organs and landmarks, joined for a sentence."""
    return listed([_title(name) for name in names])


def measured(facts: Facts) -> str:
    """What was measured and what is usual, without subject: "its volume is 9000 ml (usual: 150 to 5000)".

    Args:
        facts: Those of a :class:`~LNStationLib.quality.doubts.Doubt`.
    """
    measure = facts["measure"]
    words = _MEASURED[measure].format(
        value=_number(facts["value"], measure), first=_term(facts["first"]), second=_term(facts["second"])
    )
    bounds = "possible" if facts["severity"] == "leave_out" else "usual"
    return f"{words} ({bounds}: {_range(facts[bounds], measure)})"


def _number(value: float, measure: Measure) -> str:
    if measure.startswith("share"):
        return f"{value:.0%}"
    return f"{value:.0f}" if abs(value) >= 10 else f"{value:.2g}"


def _range(bounds: Bounds, measure: Measure) -> str:
    low, high = bounds
    if low is None:
        return f"up to {_number(high or 0.0, measure)}"
    return f"from {_number(low, measure)}" if high is None else f"{_number(low, measure)} to {_number(high, measure)}"


def _title(name: str) -> str:
    """The title of an organ or a landmark."""
    known = {row.name: row.title for row in anatomy.organs()}
    return known.get(name, name.replace("_", " "))


def _term(term: str | None) -> str | None:
    if term is None:
        return None
    part, colon, organ = term.partition(":")
    return f"the {part} of the {_title(organ)}" if colon else f"the {_title(term)}"
