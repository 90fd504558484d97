"""Words for the N category, what a network that stages contradicts, and why it was not asked."""

from __future__ import annotations

from LNStationLib.staging.rules import esophagus_rules, lung_rules
from LNStationLib.support.language import marked, say, say_count
from LNStationLib.support.sentences import listed
from LNStationLib.support.words import Facts, texts, words_for

_NOT_ASKED = {
    "no_pet": marked("there is no PET"),
    "no_side": marked("the side of the tumor was not given"),
    "pet_covers_no_station": marked("PET covers no station"),
    "other_tracer": marked("its PET is of another tracer than the network was trained on"),
    "calls_alone": marked("only calls on stations are known"),
}

# Why there is no category
texts(
    {
        "no_station_assessed": "No station could be assessed.",
        "cancer_not_given": "The primary cancer was not given (lung or esophagus).",
        "tumor_side_not_given": "The side of the lung tumor was not given.",
        "n_of_unconfirmed_nodes": (
            "Not derived: the nodes are unconfirmed candidates of a search of low specificity. If confirmed, they "
            "would give {category}."
        ),
    }
)

# Warnings
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


@words_for("lung_n0")
def _lung_n0(facts: Facts) -> str:
    return say("N0 under {rules}: no station is positive.", rules=_rules(facts["rules"]))


@words_for("lung_n_by_stations")
def _lung_n_by_stations(facts: Facts) -> str:
    named = {"category": facts["category"], "rules": _rules(facts["rules"]), "stations": listed(facts["stations"])}
    group = say(lung_rules().rule_sets[facts["rules"]].words[facts["group"]])
    if facts["side"] == "R":
        return say_count(
            "{category} under {rules}: with a tumor of the right lung, station {stations} is {group}.",
            "{category} under {rules}: with a tumor of the right lung, stations {stations} are {group}.",
            len(facts["stations"]),
            group=group,
            **named,
        )
    return say_count(
        "{category} under {rules}: with a tumor of the left lung, station {stations} is {group}.",
        "{category} under {rules}: with a tumor of the left lung, stations {stations} are {group}.",
        len(facts["stations"]),
        group=group,
        **named,
    )


def _rules(key: str) -> str:
    return say(lung_rules().rule_sets[key].title)  # type: ignore[index]


@words_for("esophageal_n_by_nodes")
def _esophageal_n_by_nodes(facts: Facts) -> str:
    named = {"category": facts["category"], "rules": esophagus_rules().title}
    if not facts["n_nodes"]:
        return say("{category} under {rules}: no regional nodes are positive.", **named)
    return say_count(
        "{category} under {rules}: {count} regional node is positive.",
        "{category} under {rules}: {count} regional nodes are positive.",
        facts["n_nodes"],
        **named,
    )


@words_for("esophageal_n_at_least")
def _esophageal_n_at_least(facts: Facts) -> str:
    named = {"category": facts["category"], "rules": esophagus_rules().title}
    if not facts["stations"]:
        text = "{category} under {rules}: no regional station is positive, single nodes were not counted."
        return say(text, **named)
    return say_count(
        "At least {category} under {rules}: positive station {stations} holds at least {nodes}.",
        "At least {category} under {rules}: positive stations {stations} hold at least {nodes}.",
        len(facts["stations"]),
        stations=listed(facts["stations"]),
        nodes=say_count("{count} positive node", "{count} positive nodes", facts["n_nodes"]),
        **named,
    )


@words_for("not_assessed_may_raise_n")
def _may_raise_n(facts: Facts) -> str:
    return say(
        "Not assessed: {stations}; a metastasis there could give a higher N category.",
        stations=", ".join(facts["stations"]),
    )


@words_for("positive_nodes_in_other_stations")
def _nodes_in_other_stations(facts: Facts) -> str:
    return say_count(
        "{count} positive node lies outside the positive stations, in {stations}: nodes and stations are called by "
        "thresholds of their own.",
        "{count} positive nodes lie outside the positive stations, in {stations}: nodes and stations are called by "
        "thresholds of their own.",
        facts["n_nodes"],
        stations=listed(facts["stations"]),
    )


@words_for("not_regional_esophageal")
def _not_regional(facts: Facts) -> str:
    text = "Not counted, not on the AJCC 8 map of regional esophageal nodes: {stations}."
    return say(text, stations=listed(facts["stations"]))


@words_for("stations_beyond_rules")
def _beyond_rules(facts: Facts) -> str:
    return say(
        "Not among the stations of {rules}, assigned by the wording of its groups: {stations}.",
        rules=say(facts["rules"]),
        stations=listed(facts["stations"]),
    )


@words_for("network_stages_otherwise")
def _stages_otherwise(facts: Facts) -> str:
    named = {name: facts[name] for name in ("network", "probability", "rules")}
    if not facts["carrying"]:
        return say(
            "The network's N category is {network} (probability {probability:.2f}), the rules make {rules} of the "
            "stations' calls.",
            **named,
        )
    return say(
        "The network's N category is {network} (probability {probability:.2f}, carried by {stations}), the rules "
        "make {rules} of the stations' calls.",
        stations=listed(facts["carrying"]),
        **named,
    )


@words_for("network_contradicts_its_stations")
def _contradicts_its_stations(facts: Facts) -> str:
    named = {"network": facts["network"], "of_stations": facts["of_stations"]}
    if not facts["positive"]:
        return say(
            "The network contradicts itself: its N category is {network}, and its own probabilities call no station "
            "positive, which is {of_stations} by the rules.",
            **named,
        )
    return say(
        "The network contradicts itself: its N category is {network}, and its own probabilities call {stations} "
        "positive, which is {of_stations} by the rules.",
        stations=listed(facts["positive"]),
        **named,
    )


@words_for("network_not_asked")
def _not_asked(facts: Facts) -> str:
    return say("The network did not stage this patient: {why}.", why=say(_NOT_ASKED[facts["why"]]))
