"""Words for what is implausible or doubtful."""

from __future__ import annotations

from collections.abc import Sequence

from LNStationLib import anatomy
from LNStationLib.quality.rules import Bounds, Measure
from LNStationLib.support.language import decimal, marked, say
from LNStationLib.support.sentences import listed
from LNStationLib.support.words import Facts, words_for

_MEASURED: dict[Measure, str] = {
    "volume_ml": marked("its volume is {value} ml"),
    "height_mm": marked("it is {value} mm high"),
    "above_mm": marked("{first} lies {value} mm above {second}"),
    "left_of_mm": marked("{first} lies {value} mm to the patient's left of {second}"),
    "lowest_above_carina_mm": marked("its lowest slice lies {value} mm above the carina"),
    "highest_above_carina_mm": marked("its highest slice lies {value} mm above the carina"),
    "left_of_carina_mm": marked("its middle lies {value} mm to the patient's left of the carina"),
    "share_in_air": marked("{value} of it is air or lung"),
    "share_outside_body": marked("{value} of it lies outside the body"),
    "share_in_bone": marked("{value} of it lies in bone"),
    "share_before_sternum": marked("{value} of it lies in front of the sternum"),
    "share_behind_spine_front": marked("{value} of it lies behind the spine's front half"),
    "share_outside_chest": marked("{value} of it lies outside the chest"),
}


_PARTS = (marked("top"), marked("bottom"), marked("middle"))
"""Of organs, for the catalogs."""


@words_for("implausible")
def _implausible(facts: Facts) -> str:
    return say("left out as implausible: {measured}", measured=measured(facts))


@words_for("doubtful")
def _doubtful(facts: Facts) -> str:
    return say("doubtful: {measured}", measured=measured(facts))


@words_for("organs_left_out")
def _organs_left_out(facts: Facts) -> str:
    return say("Left out as implausible, with what rests on it: {names}; {measured}.", **_said(facts))


def _said(facts: Facts) -> dict[str, str]:
    return {"names": titles(facts["names"]), "measured": measured(facts)}


@words_for("supplied_organs_implausible")
def _supplied_organs(facts: Facts) -> str:
    text = "Implausible, but supplied and used as it is: {names}; {measured}: check the mask."
    return say(text, **_said(facts))


@words_for("organs_doubtful")
def _organs_doubtful(facts: Facts) -> str:
    return say("Doubtful: {names}; {measured}: check it.", **_said(facts))


@words_for("pet_misregistered")
def _misregistered(facts: Facts) -> str:
    higher = marked(
        "PET and CT were breathed differently: the dome of the liver lies {apart_mm:.0f} mm higher on PET than on "
        "CT. Uptake near the diaphragm, and less at the hila, may belong elsewhere: check the overlay."
    )
    lower = marked(
        "PET and CT were breathed differently: the dome of the liver lies {apart_mm:.0f} mm lower on PET than on "
        "CT. Uptake near the diaphragm, and less at the hila, may belong elsewhere: check the overlay."
    )
    offset = facts["offset_mm"]
    return say(higher if offset > 0 else lower, apart_mm=abs(offset))


def titles(names: Sequence[str]) -> str:
    """Titles of organs and landmarks, joined for a sentence."""
    return listed([_title(name) for name in names])


def measured(facts: Facts) -> str:
    """What was measured and what is usual, without subject: "its volume is 9000 ml (usual: 150 to 5000)".

    Args:
        facts: Those of a :class:`~LNStationLib.quality.doubts.Doubt`.
    """
    measure = facts["measure"]
    what = say(
        _MEASURED[measure],
        value=_number(facts["value"], measure),
        first=_term(facts["first"]),
        second=_term(facts["second"]),
    )
    if facts["severity"] == "leave_out":
        return say("{what} (possible: {range})", what=what, range=_range(facts["possible"], measure))
    return say("{what} (usual: {range})", what=what, range=_range(facts["usual"], measure))


def _number(value: float, measure: Measure) -> str:
    if measure.startswith("share"):
        return f"{value:.0%}"
    return f"{value:.0f}" if abs(value) >= 10 else decimal(f"{value:.2g}")


def _range(bounds: Bounds, measure: Measure) -> str:
    low, high = bounds
    if low is None:
        return say("up to {high}", high=_number(high or 0.0, measure))
    if high is None:
        return say("from {low}", low=_number(low, measure))
    return say("{low} to {high}", low=_number(low, measure), high=_number(high, measure))


def _title(name: str) -> str:
    """The title of an organ or a landmark."""
    known = {row.name: row.title for row in anatomy.organs()}
    return say(known.get(name, name.replace("_", " ")))


def _term(term: str | None) -> str | None:
    if term is None:
        return None
    part, colon, organ = term.partition(":")
    if not colon:
        return say("the {organ}", organ=_title(term))
    return say("the {part} of the {organ}", part=say(part), organ=_title(organ))
