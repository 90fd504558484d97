"""Words for the reasons of calls."""

from __future__ import annotations

from collections.abc import Sequence

from LNStationLib.imaging.tracer import tracer_title
from LNStationLib.support.language import marked, say, say_count
from LNStationLib.support.reason import Reason
from LNStationLib.support.sentences import SYNTHETIC_ONLY, listed
from LNStationLib.support.words import Facts, against, joined, sentence, texts, words, words_for

texts(
    {
        "calls_without_pet": "There is no PET: calls rest on the size of nodes alone.",
        "probabilities_of_synthetic_model": (
            f"The model package {{package}} was {SYNTHETIC_ONLY}: its probabilities are not valid for real patients."
        ),
        "not_calibrated": "The model package {package} is not calibrated: its probabilities are scores.",
        "no_pet": "no PET",
        "there_is_no_pet": "there is no PET",
        "pet_covers_part": "PET covers only part of the station",
        "pet_does_not_cover": "PET does not cover the station",
        "no_pet_value": "no PET value",
        "tumor_fills_station": "the tumor mask fills the station",
        "nodes_not_told_from_vessels": "nodes on CT cannot be distinguished from vessels",
        "no_node_found": "no node found",
        "nodes_not_looked_for": "nodes not looked for",
        "station_too_small": "it is too small for the voxels of the network's region",
        "nodes_not_looked_for_in_whole_station": "nodes were not looked for in the whole station",
    }
)


@words_for("not_assessed")
def _not_assessed(facts: Facts) -> str:
    return say("Not assessed: {why}.", why=joined(facts["why"], say(", and ")))


@words_for("station_not_parsed")
def _not_parsed(facts: Facts) -> str:
    return say("Not assessed: station {station} could not be parsed.", station=facts["station"])


@words_for("nodes_looked_for_on_pet")
def _looked_for_on_pet(facts: Facts) -> str:
    return say("nodes were looked for on PET, but {gap}", gap=words(facts["gap"]))


@words_for("neither_nodes_nor_pet")
def _neither(facts: Facts) -> str:
    return say("nodes were not looked for and {gap}", gap=words(facts["gap"]))


@words_for("positive_node")
def _positive_node(facts: Facts) -> str:
    return say("Positive: {why}.", why=joined(facts["why"], say(" and ")))


@words_for("negative_node")
def _negative_node(facts: Facts) -> str:
    return say("Negative: {why}.", why=joined(facts["why"], ", "))


@words_for("positive_station")
def _positive_station(facts: Facts) -> str:
    return say("Positive: {why}.", why=joined(facts["why"], "; "))


@words_for("negative_station")
def _negative_station(facts: Facts) -> str:
    return say("Negative: {why}.", why=joined(facts["why"], ", "))


@words_for("by_node")
def _by_node(facts: Facts) -> str:
    named = {"node": facts["node"], "why": joined(facts["why"], say(" and "))}
    if facts["n_positive"] > 1:
        return say("node {node} with {why} ({count} positive nodes)", count=facts["n_positive"], **named)
    return say("node {node} with {why}", **named)


@words_for("by_station_suv")
def _by_station_suv(facts: Facts) -> str:
    return say("station {suv}", suv=words(facts["suv"]))


@words_for("largest_node")
def _largest_node(facts: Facts) -> str:
    return say("largest {size}", size=words(facts["size"]))


@words_for("short_axis")
def _short_axis(facts: Facts) -> str:
    sign = ">=" if facts["mm"] >= facts["threshold_mm"] else "<"
    return say("short axis {compared}", compared=against(facts["mm"], sign, facts["threshold_mm"], " mm"))


@words_for("suv_max")
def _suv_max(facts: Facts) -> str:
    sign = ">" if facts["suv"] > facts["threshold"] else "<="
    return say("SUVmax {compared}", compared=against(facts["suv"], sign, facts["threshold"]))


@words_for("station_not_trained_on")
def _not_trained_on(facts: Facts) -> str:
    return say("the model package {package} was not trained on station {station}", **facts)


@words_for("package_of_other_tracer")
def _package_of_other_tracer(facts: Facts) -> str:
    return say(
        "the model package {package} was trained on {wanted}, and the tracer of this PET is {given}",
        package=facts["package"],
        wanted=tracer_title(facts["wanted"]),
        given=tracer_title(facts["given"]),
    )


@words_for("probability")
def _probability(facts: Facts) -> str:
    parts = [say("probability {compared} ({operating_point})", **_compared(facts))]
    if facts["map_in_nodes"] is not None:
        text = "{share:.0%} of the attention in nodes, of these most in node {node}"
        parts.append(say(text, share=facts["map_in_nodes"], node=facts["node"]))
    return _judged(_reaches(facts), "; ".join(parts), facts["limits"])


def _reaches(facts: Facts) -> bool:
    return bool(facts["probability"] >= facts["threshold"])


def _compared(facts: Facts) -> dict[str, str]:
    sign = ">=" if _reaches(facts) else "<"
    compared = against(facts["probability"], sign, facts["threshold"], fewest_decimals=2)
    return {"compared": compared, "operating_point": facts["operating_point"]}


def _judged(positive: bool, why: str, limits: Sequence[Reason]) -> str:
    """A call, what it rests on, and what limits it, as sentences."""
    text = say("Positive: {why}.", why=why) if positive else say("Negative: {why}.", why=why)
    return " ".join([text, *map(sentence, limits)])


@words_for("seen_in_part")
def _seen_in_part(facts: Facts) -> str:
    return say("only {share:.0%} of the station lies in the region that the network sees", share=facts["share"])


@words_for("called_beyond_prediction_set")
def _called_beyond_prediction_set(facts: Facts) -> str:
    if facts["left"] == "negative":
        return say("positive by the threshold, though the conformal set leaves negative alone: a borderline call")
    return say("negative by the threshold, though the conformal set leaves positive alone: a borderline call")


@words_for("unseen_nodes")
def _unseen_nodes(facts: Facts) -> str:
    return say_count(
        "the network does not see node {nodes} of the station: it lies outside its region, or between its voxels",
        "the network does not see nodes {nodes} of the station: they lie outside its region, or between its voxels",
        len(facts["nodes"]),
        nodes=listed([str(number) for number in facts["nodes"]]),
    )


@words_for("network_judges_stations")
def _network_judges_stations(facts: Facts) -> str:
    text = "Not called: the network judges stations. By clinical criteria {criteria}"
    return say(text, criteria=_within(facts["criteria"]))


def _within(reason: Reason) -> str:
    """A reason as it stands within a sentence."""
    text = words(reason)
    return f"{text[0].lower()}{text[1:]}"


@words_for("node_probability")
def _node_probability(facts: Facts) -> str:
    why = say("probability {compared} ({operating_point})", **_compared(facts))
    return _judged(_reaches(facts), why, facts["limits"])


@words_for("node_too_small")
def _node_too_small(facts: Facts) -> str:
    return say(
        "Not called: its short axis is below {smallest_mm:g} mm, the smallest that the network judges. By clinical "
        "criteria {criteria}",
        smallest_mm=facts["smallest_mm"],
        criteria=_within(facts["criteria"]),
    )


@words_for("patch_beyond_image")
def _patch_beyond_image(facts: Facts) -> str:
    return say("the image covers only {share:.0%} of what the network sees around the node", share=facts["share"])


@words_for("node_larger_than_patch")
def _node_larger_than_patch(facts: Facts) -> str:
    return say(
        "the node measures {mm:.0f} mm and exceeds the {patch_mm:.0f} mm that the network sees at full resolution",
        mm=facts["mm"],
        patch_mm=facts["patch_mm"],
    )


_RULES = {
    "noisy_or": marked("at least one of {count} nodes is metastatic"),
    "max": marked("the most suspicious of {count} nodes"),
}


@words_for("probability_by_nodes")
def _probability_by_nodes(facts: Facts) -> str:
    n_nodes = facts["n_nodes"]
    rule = say("from its only node") if n_nodes == 1 else say(_RULES[facts["rule"]], count=n_nodes)
    each = [say("node {node} ({share:.2f})", node=node, share=share) for node, share in facts["nodes"]]
    why = say(
        "probability {compared} ({operating_point}), {rule}; mostly by {nodes}",
        rule=rule,
        nodes=listed(each),
        **_compared(facts),
    )
    return _judged(facts["positive"], why, facts["limits"])
