"""Texts of reasons: the one place where a code with its facts becomes a sentence.

A method with codes of its own registers their texts with :func:`words_for`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from LNStationLib.state.reason import Reason
from LNStationLib.support.sentences import listed

Facts = Any
"""The facts of a reason, by name."""

_WORDS: dict[str, Callable[[Facts], str]] = {}


def words_for(code: str) -> Callable[[Callable[[Facts], str]], Callable[[Facts], str]]:
    """Register the words of a code: a function of the facts.

    Raises:
        ValueError: The code has words already.
    """

    def register(words: Callable[[Facts], str]) -> Callable[[Facts], str]:
        if code in _WORDS:
            raise ValueError(f"the reason {code!r} has words already")
        _WORDS[code] = words
        return words

    return register


def words(reason: Reason) -> str:
    """The text of a reason; a code without text is shown as it is, with its facts."""
    if reason.code in _WORDS:
        return _WORDS[reason.code](reason.facts)
    facts = ", ".join(f"{name} {value}" for name, value in reason.facts.items())
    return f"{reason.code.replace('_', ' ')} ({facts})" if facts else reason.code.replace("_", " ")


def sentence(reason: Reason) -> str:
    """A reason as a sentence: capitalized, with its period."""
    text = words(reason)
    return f"{text[0].upper()}{text[1:]}{'' if text.endswith('.') else '.'}"


def against(value: float, sign: str, threshold: float, unit: str = "", fewest_decimals: int = 1) -> str:
    """Write a comparison with as many decimals as it takes to look true: never "10.0 < 10.0"."""
    for decimals in range(fewest_decimals, 7):
        left, right = f"{value:.{decimals}f}", f"{threshold:.{decimals}f}"
        if left != right or value == threshold:
            break
    return f"{left}{unit} {sign} {right}{unit}"


def _joined(reasons: Iterable[Reason], by: str) -> str:
    return by.join(words(reason) for reason in reasons)


def _fixed(code: str, text: str) -> None:
    words_for(code)(lambda facts: text)


_fixed("no_pet", "no PET")
_fixed("there_is_no_pet", "there is no PET")
_fixed("pet_covers_part", "PET covers only part of the station")
_fixed("pet_does_not_cover", "PET does not cover the station")
_fixed("no_pet_value", "no PET value")
_fixed("tumor_fills_station", "the tumor mask fills the station")
_fixed("nodes_not_told_from_vessels", "nodes on CT cannot be distinguished from vessels")
_fixed("no_node_found", "no node found")
_fixed("nodes_not_looked_for", "nodes not looked for")
_fixed("station_too_small", "it is too small for the voxels of the network's region")
_fixed("nodes_not_looked_for_in_whole_station", "nodes were not looked for in the whole station")


@words_for("not_assessed")
def _not_assessed(facts: Facts) -> str:
    return f"Not assessed: {_joined(facts['why'], ', and ')}."


@words_for("station_not_parsed")
def _not_parsed(facts: Facts) -> str:
    return f"Not assessed: station {facts['station']} could not be parsed."


@words_for("candidates_may_be_vessels")
def _may_be_vessels(facts: Facts) -> str:
    return f"a candidate may be a vessel, for neither contrast nor a mask shows the {listed(facts['not_seen'])}"


@words_for("nodes_looked_for_on_pet")
def _looked_for_on_pet(facts: Facts) -> str:
    return f"nodes were looked for on PET, but {words(facts['gap'])}"


_fixed("no_tissue_between_borders", "no tissue between its borders in this field of view")
_fixed("too_small_for_the_ct", "too small for the voxels of this CT")
_fixed("no_slice_with_both_lungs", "no slice shows both lungs")


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


@words_for("implausible")
def _implausible(facts: Facts) -> str:
    return f"left out as implausible: {facts['doubt'].reason}"


@words_for("doubtful")
def _doubtful(facts: Facts) -> str:
    return f"doubtful: {facts['doubt'].reason}"


_fixed("network_finds_none", "the network does not find it")
_fixed("network_finds_no_station", "the network finds no lymph node station in this CT")


_fixed("atlases_draw_none", "the atlases draw none in this patient")


@words_for("atlases_disagree")
def _atlases_disagree(facts: Facts) -> str:
    compared = against(facts["share"], "<", facts["limit"], fewest_decimals=2)
    return f"the atlases disagree about it (mean part of the votes {compared})"


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


@words_for("neither_nodes_nor_pet")
def _neither(facts: Facts) -> str:
    return f"nodes were not looked for and {words(facts['gap'])}"


@words_for("positive_node")
def _positive_node(facts: Facts) -> str:
    return f"Positive: {_joined(facts['why'], ' and ')}."


@words_for("negative_node")
def _negative_node(facts: Facts) -> str:
    return f"Negative: {_joined(facts['why'], ', ')}."


@words_for("positive_station")
def _positive_station(facts: Facts) -> str:
    return f"Positive: {_joined(facts['why'], '; ')}."


@words_for("negative_station")
def _negative_station(facts: Facts) -> str:
    return f"Negative: {_joined(facts['why'], ', ')}."


@words_for("by_node")
def _by_node(facts: Facts) -> str:
    others = f" ({facts['n_positive']} positive nodes)" if facts["n_positive"] > 1 else ""
    return f"node {facts['node']} with {_joined(facts['why'], ' and ')}{others}"


@words_for("by_station_suv")
def _by_station_suv(facts: Facts) -> str:
    return f"station {words(facts['suv'])}"


@words_for("largest_node")
def _largest_node(facts: Facts) -> str:
    return f"largest {words(facts['size'])}"


@words_for("caveat")
@words_for("as_written")
def _as_written(facts: Facts) -> str:
    return str(facts["words"])


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
