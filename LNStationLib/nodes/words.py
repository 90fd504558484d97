"""Words for what searches for nodes, and measurements of nodes, warn of."""

from __future__ import annotations

from LNStationLib.support.language import marked, say, say_count
from LNStationLib.support.sentences import SYNTHETIC_ONLY, listed
from LNStationLib.support.words import Facts, texts, words_for

_LACKING = {"pet": marked("PET"), "tumor": marked("a tumor mask")}

# Searches as a whole
texts(
    {
        "brown_fat": (
            "Brown fat takes up FDG on both sides ({volume_ml:.1f} ml, SUVmax {suv_max:.1f}): nodes that lie in it "
            "say so, and hot spots in fat are doubtful."
        ),
        "not_assessed_yet": "not assessed yet",
        "nodes_not_searched": "Nodes were not looked for.",
        "no_stations_to_search": "There are no stations to search for nodes.",
        "searched_by_blob_detector": (
            "Nodes were looked for on CT alone by a classical blob detector: expect false candidates, and missed "
            "nodes where they touch vessels, esophagus or tumor."
        ),
        "blood_unknown": "No mask shows the attenuation of blood; vessels may be mistaken for nodes.",
        "blood_not_enhanced": "The CT is not enhanced; vessels without a mask may be mistaken for nodes.",
        "searched_by_network": "Nodes were looked for by a network: expect false candidates and missed nodes.",
        "nodes_of_synthetic_model": (
            f"The model package {{package}} was {SYNTHETIC_ONLY}: confirm every node that it found."
        ),
        "nodes_of_all_sizes_missed": "Nodes of all sizes are often missed, as the network was measured.",
        "small_nodes_missed": "Nodes with a short axis under {short_axis_mm:g} mm are often missed.",
        "slices_too_thick_for_network": (
            "Slices lie {slices_mm:g} mm apart, and the network was measured up to {measured_up_to_mm:g} mm: expect "
            "missed nodes."
        ),
        "second_stage_rejected": (
            "The second stage rejected {n_rejected} of {n_candidates} candidates for significant nodes."
        ),
        "significant_nodes_not_looked_for": (
            "Significant nodes were not looked for: every network for them needs PET and a tumor mask."
        ),
        "pet_covers_part_of_stations": (
            "PET covers {share:.0%} of the stations: elsewhere significant nodes were looked for on CT alone."
        ),
        "no_tumor_mask": ("No tumor mask was given: uptake of a tumor that reaches into a station counts as a node."),
        "node_mask_resampled": (
            "The node mask is on a different grid from the CT and was resampled by nearest neighbor."
        ),
        "node_mask_empty": "The supplied node mask holds no node on the CT.",
        "nodes_from_blob_detector": "nodes from a CT blob detector of low sensitivity and specificity",
        "nodes_from_network": "nodes from a network, not confirmed",
    }
)

# Single nodes
texts(
    {
        "found_by_blob_detector": (
            "Found on CT alone by a blob detector of low specificity: may be a vessel or a recess."
        ),
        "found_by_network": "Found by a network: confirm that it is a node.",
        "outlined_on_pet": (
            "Outlined on PET: size is that of the uptake, not of the node, and grows as the SUV threshold falls."
        ),
        "uptake_not_specific": (
            "FDG uptake can be physiologic or inflammatory (esophagus, myocardium, brown fat, thymus, vocal cords, "
            "granulomatous nodes)."
        ),
        "node_in_brown_fat": (
            "Lies in brown fat that takes up FDG on both sides: its uptake may be that of the fat; look for a node "
            "on CT."
        ),
        "node_outside_stations": "The node lies outside all parsed stations.",
        "pet_covers_part_of_node": "PET covers only {share:.0%} of the node; its uptake is not reported.",
    }
)


@words_for("candidates_may_be_vessels")
def _may_be_vessels(facts: Facts) -> str:
    return say(
        "a candidate may be a vessel, for neither contrast nor a mask shows the {structures}",
        structures=listed([say(name) for name in facts["not_seen"]]),
    )


@words_for("streams_lack_input")
def _streams_lack_input(facts: Facts) -> str:
    return say(
        "Without {what} significant nodes were looked for by: {networks}.",
        what=listed([say(_LACKING[name]) for name in facts["lacking"]]),
        networks="; ".join(facts["ran"]),
    )


@words_for("supplied_nodes_outside_ct")
def _supplied_outside(facts: Facts) -> str:
    return say_count(
        "{count} supplied node lies outside the CT and cannot be assessed.",
        "{count} supplied nodes lie outside the CT and cannot be assessed.",
        facts["n_nodes"],
    )


@words_for("nodes_outside_stations")
def _outside_stations(facts: Facts) -> str:
    return say_count(
        "Node {nodes} lies outside all parsed stations and is not counted in any station.",
        "Nodes {nodes} lie outside all parsed stations and are not counted in any station.",
        len(facts["nodes"]),
        nodes=", ".join(str(number) for number in facts["nodes"]),
    )
