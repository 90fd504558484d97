"""Words for the reasons of calls."""

from __future__ import annotations

from LNStationLib.imaging.tracer import tracer_title
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
    return f"Not assessed: {joined(facts['why'], ', and ')}."


@words_for("station_not_parsed")
def _not_parsed(facts: Facts) -> str:
    return f"Not assessed: station {facts['station']} could not be parsed."


@words_for("nodes_looked_for_on_pet")
def _looked_for_on_pet(facts: Facts) -> str:
    return f"nodes were looked for on PET, but {words(facts['gap'])}"


@words_for("neither_nodes_nor_pet")
def _neither(facts: Facts) -> str:
    return f"nodes were not looked for and {words(facts['gap'])}"


@words_for("positive_node")
def _positive_node(facts: Facts) -> str:
    return f"Positive: {joined(facts['why'], ' and ')}."


@words_for("negative_node")
def _negative_node(facts: Facts) -> str:
    return f"Negative: {joined(facts['why'], ', ')}."


@words_for("positive_station")
def _positive_station(facts: Facts) -> str:
    return f"Positive: {joined(facts['why'], '; ')}."


@words_for("negative_station")
def _negative_station(facts: Facts) -> str:
    return f"Negative: {joined(facts['why'], ', ')}."


@words_for("by_node")
def _by_node(facts: Facts) -> str:
    others = f" ({facts['n_positive']} positive nodes)" if facts["n_positive"] > 1 else ""
    return f"node {facts['node']} with {joined(facts['why'], ' and ')}{others}"


@words_for("by_station_suv")
def _by_station_suv(facts: Facts) -> str:
    return f"station {words(facts['suv'])}"


@words_for("largest_node")
def _largest_node(facts: Facts) -> str:
    return f"largest {words(facts['size'])}"


@words_for("short_axis")
def _short_axis(facts: Facts) -> str:
    sign = ">=" if facts["mm"] >= facts["threshold_mm"] else "<"
    return f"short axis {against(facts['mm'], sign, facts['threshold_mm'], ' mm')}"


@words_for("suv_max")
def _suv_max(facts: Facts) -> str:
    sign = ">" if facts["suv"] > facts["threshold"] else "<="
    return f"SUVmax {against(facts['suv'], sign, facts['threshold'])}"


@words_for("station_not_trained_on")
def _not_trained_on(facts: Facts) -> str:
    return f"the model package {facts['package']} was not trained on station {facts['station']}"


@words_for("package_of_other_tracer")
def _package_of_other_tracer(facts: Facts) -> str:
    return (
        f"the model package {facts['package']} was trained on {tracer_title(facts['wanted'])}, and the tracer of "
        f"this PET is {tracer_title(facts['given'])}"
    )


@words_for("probability")
def _probability(facts: Facts) -> str:
    positive = facts["probability"] >= facts["threshold"]
    sign, word = (">=", "Positive") if positive else ("<", "Negative")
    compared = against(facts["probability"], sign, facts["threshold"], fewest_decimals=2)
    parts = [f"probability {compared} ({facts['operating_point']})"]
    if facts["map_in_nodes"] is not None:
        where = f"{facts['map_in_nodes']:.0%} of the attention in nodes"
        parts.append(f"{where}, of these most in node {facts['node']}")
    return " ".join([f"{word}: {'; '.join(parts)}.", *map(sentence, facts["limits"])])


@words_for("seen_in_part")
def _seen_in_part(facts: Facts) -> str:
    return f"only {facts['share']:.0%} of the station lies in the region that the network sees"


@words_for("unseen_nodes")
def _unseen_nodes(facts: Facts) -> str:
    numbers = [str(number) for number in facts["nodes"]]
    node, lies = ("node", "it lies") if len(numbers) == 1 else ("nodes", "they lie")
    return (
        f"the network does not see {node} {listed(numbers)} of the station: {lies} outside its region, or between "
        "its voxels"
    )


@words_for("network_judges_stations")
def _network_judges_stations(facts: Facts) -> str:
    criteria = words(facts["criteria"])
    return f"Not called: the network judges stations. By clinical criteria {criteria[0].lower()}{criteria[1:]}"


@words_for("node_probability")
def _node_probability(facts: Facts) -> str:
    positive = facts["probability"] >= facts["threshold"]
    sign, word = (">=", "Positive") if positive else ("<", "Negative")
    compared = against(facts["probability"], sign, facts["threshold"], fewest_decimals=2)
    return " ".join(
        [f"{word}: probability {compared} ({facts['operating_point']}).", *map(sentence, facts["limits"])]
    )


@words_for("node_too_small")
def _node_too_small(facts: Facts) -> str:
    criteria = words(facts["criteria"])
    return (
        f"Not called: its short axis is below {facts['smallest_mm']:g} mm, the smallest that the network judges. "
        f"By clinical criteria {criteria[0].lower()}{criteria[1:]}"
    )


@words_for("patch_beyond_image")
def _patch_beyond_image(facts: Facts) -> str:
    return f"the image covers only {facts['share']:.0%} of what the network sees around the node"


@words_for("node_larger_than_patch")
def _node_larger_than_patch(facts: Facts) -> str:
    return (
        f"the node measures {facts['mm']:.0f} mm and exceeds the {facts['patch_mm']:.0f} mm that the network sees at "
        "full resolution"
    )


_RULES = {"noisy_or": "at least one of {n} is metastatic", "max": "the most suspicious of {n}"}


@words_for("probability_by_nodes")
def _probability_by_nodes(facts: Facts) -> str:
    sign = ">=" if facts["probability"] >= facts["threshold"] else "<"
    compared = against(facts["probability"], sign, facts["threshold"], fewest_decimals=2)
    count = "1 node" if facts["n_nodes"] == 1 else f"{facts['n_nodes']} nodes"
    rule = "from its only node" if facts["n_nodes"] == 1 else _RULES[facts["rule"]].format(n=count)
    shown = listed([f"node {node} ({probability:.2f})" for node, probability in facts["nodes"]])
    text = f"{'Positive' if facts['positive'] else 'Negative'}: probability {compared} ({facts['operating_point']}), "
    return " ".join([f"{text}{rule}; mostly by {shown}.", *map(sentence, facts["limits"])])
