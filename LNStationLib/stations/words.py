"""Words for what stations were left out or are doubtful for."""

from __future__ import annotations

from collections.abc import Sequence

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
    return f"not parsed: {words(facts['why'])}"


@words_for("none_found")
def _none_found(facts: Facts) -> str:
    return f"{' or '.join(name.replace('_', ' ') for name in facts['alternatives'])} not found"


@words_for("all_missing")
def _all_missing(facts: Facts) -> str:
    return f"{listed(facts['structures'])} not found"


@words_for("not_told_from_blood")
def _not_told_from_blood(facts: Facts) -> str:
    blood = facts["blood"]
    return (
        f"{listed(blood)} not found, and nothing else shows where the station ends and blood begins; {_supply(blood)}"
    )


@words_for("may_hold_blood")
def _may_hold_blood(facts: Facts) -> str:
    blood = facts["blood"]
    return f"may hold the {listed(blood)}, which neither contrast nor a mask shows; {_supply(blood)}"


def _supply(blood: Sequence[str]) -> str:
    return f"supply {'its mask' if len(blood) == 1 else 'their masks'}"


@words_for("network_unsure")
def _network_unsure(facts: Facts) -> str:
    compared = against(facts["probability"], "<", facts["limit"], fewest_decimals=2)
    return f"the network is not sure of it (mean probability {compared})"


@words_for("station_not_covered")
def _not_covered(facts: Facts) -> str:
    return f"the model package does not draw station {facts['station']}"


@words_for("network_lacks_organs")
def _network_lacks_organs(facts: Facts) -> str:
    titles = [title.lower() for title in facts["titles"]]
    return f"the network was not given the {listed(titles)}, which {'was' if len(titles) == 1 else 'were'} not found"


@words_for("methods_disagree")
def _methods_disagree(facts: Facts) -> str:
    return (
        f"{facts['other']} draws it otherwise (Dice {facts['dice']:.2f}, {facts['border']} border "
        f"{facts['border_mm']:.0f} mm apart): check the outline"
    )


@words_for("other_method_finds_none")
def _other_finds_none(facts: Facts) -> str:
    return f"{facts['other']} does not find this station: check the outline"


@words_for("only_other_method_finds")
def _only_other_finds(facts: Facts) -> str:
    return f"{words(facts['why'])}; {facts['other']} finds it ({facts['volume_ml']:.1f} ml)"
