"""Words for what stations were left out or are doubtful for."""

from __future__ import annotations

from collections.abc import Sequence

from LNStationLib.support.language import say, say_count
from LNStationLib.support.sentences import SYNTHETIC_ONLY, listed
from LNStationLib.support.words import Facts, against, texts, words, words_for

texts(
    {
        "no_tissue_between_borders": "no tissue between its borders in this field of view",
        "too_small_for_the_ct": "too small for the voxels of this CT",
        "no_slice_with_both_lungs": "no slice shows both lungs",
        "not_compared": "The stations were not compared with {other}, which could draw none in this case.",
        "stations_of_synthetic_model": (
            f"The model package {{package}} was {SYNTHETIC_ONLY}: check every station that it draws."
        ),
        "network_finds_none": "the network does not find it",
        "network_finds_no_station": "the network finds no lymph node station in this CT",
    }
)


@words_for("left_out")
def _left_out(facts: Facts) -> str:
    return say("not parsed: {why}", why=words(facts["why"]))


@words_for("none_found")
def _none_found(facts: Facts) -> str:
    names = say(" or ").join(say(name.replace("_", " ")) for name in facts["alternatives"])
    return say("{structures} not found", structures=names)


@words_for("all_missing")
def _all_missing(facts: Facts) -> str:
    return say("{structures} not found", structures=_listed(facts["structures"]))


@words_for("not_told_from_blood")
def _not_told_from_blood(facts: Facts) -> str:
    blood = facts["blood"]
    return say(
        "{structures} not found, and nothing else shows where the station ends and blood begins; {advice}",
        structures=_listed(blood),
        advice=_supply(blood),
    )


@words_for("may_hold_blood")
def _may_hold_blood(facts: Facts) -> str:
    blood = facts["blood"]
    text = "may hold the {structures}, which neither contrast nor a mask shows; {advice}"
    return say(text, structures=_listed(blood), advice=_supply(blood))


def _listed(structures: Sequence[str]) -> str:
    return listed([say(name) for name in structures])


def _supply(blood: Sequence[str]) -> str:
    return say_count("supply its mask", "supply their masks", len(blood))


@words_for("network_unsure")
def _network_unsure(facts: Facts) -> str:
    compared = against(facts["probability"], "<", facts["limit"], fewest_decimals=2)
    return say("the network is not sure of it (mean probability {compared})", compared=compared)


@words_for("station_not_covered")
def _not_covered(facts: Facts) -> str:
    return say("the model package does not draw station {station}", station=facts["station"])


@words_for("network_lacks_organs")
def _network_lacks_organs(facts: Facts) -> str:
    return say_count(
        "the network was not given the {organs}, which was not found",
        "the network was not given the {organs}, which were not found",
        len(facts["titles"]),
        organs=listed([title.lower() for title in facts["titles"]]),
    )


@words_for("methods_disagree")
def _methods_disagree(facts: Facts) -> str:
    return say(
        "{other} draws it otherwise (Dice {dice:.2f}, {border} border {border_mm:.0f} mm apart): check the outline",
        **{**facts, "border": say(facts["border"])},
    )


@words_for("other_method_finds_none")
def _other_finds_none(facts: Facts) -> str:
    return say("{other} does not find this station: check the outline", other=facts["other"])


@words_for("only_other_method_finds")
def _only_other_finds(facts: Facts) -> str:
    return say(
        "{why}; {other} finds it ({volume_ml:.1f} ml)",
        why=words(facts["why"]),
        other=facts["other"],
        volume_ml=facts["volume_ml"],
    )
