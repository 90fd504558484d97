"""Words for what a network that stages contradicts, and why it was not asked."""

from __future__ import annotations

from LNStationLib.support.sentences import listed
from LNStationLib.support.words import Facts, texts, words_for

_NOT_ASKED = {
    "no_pet": "there is no PET",
    "no_side": "the side of the tumor was not given",
    "pet_covers_no_station": "PET covers no station",
    "other_tracer": "its PET is of another tracer than the network was trained on",
    "calls_alone": "only calls on stations are known",
}

texts(
    {
        "side_of_station_unknown": (
            "The side of station {station} is unknown; it counts as ipsilateral (N2), contralateral would be N3."
        ),
        "station_1_holds_supraclavicular": (
            "Station 1 also holds supraclavicular nodes, which count as M1 rather than N."
        ),
        "n_category_of_synthetic_model": (
            "The model package {package} was trained on synthetic patients only: its N category is not valid for "
            "real patients."
        ),
    }
)


@words_for("not_assessed_may_raise_n")
def _may_raise_n(facts: Facts) -> str:
    return f"Not assessed: {', '.join(facts['stations'])}; a metastasis there could give a higher N category."


@words_for("not_regional_esophageal")
def _not_regional(facts: Facts) -> str:
    return f"Not counted, not on the AJCC 8 map of regional esophageal nodes: {listed(facts['stations'])}."


@words_for("stations_beyond_rules")
def _beyond_rules(facts: Facts) -> str:
    return (
        f"Not among the stations of {facts['rules']}, assigned by the wording of its groups: "
        f"{listed(facts['stations'])}."
    )


@words_for("network_stages_otherwise")
def _stages_otherwise(facts: Facts) -> str:
    carrying = f", carried by {listed(facts['carrying'])}" if facts["carrying"] else ""
    return (
        f"The network's N category is {facts['network']} (probability {facts['probability']:.2f}{carrying}), the "
        f"rules make {facts['rules']} of the stations' calls."
    )


@words_for("network_contradicts_its_stations")
def _contradicts_its_stations(facts: Facts) -> str:
    stations = f"call {listed(facts['positive'])} positive" if facts["positive"] else "call no station positive"
    return (
        f"The network contradicts itself: its N category is {facts['network']}, and its own probabilities "
        f"{stations}, which is {facts['of_stations']} by the rules."
    )


@words_for("network_not_asked")
def _not_asked(facts: Facts) -> str:
    return f"The network did not stage this patient: {_NOT_ASKED[facts['why']]}."
