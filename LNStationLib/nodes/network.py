"""Every visible node on CT by the network of a model package: detection by segmentation.

After the first stage of OSLN (Zhu et al. 2020, Sec. 3.1), on CT alone and for all nodes of 5 mm and more, as SA-MoE
and PGLS need them. The network sees organs and stations as context; what it holds for node is split into single
nodes, and how many of those are shown follows from the false positives that a reader accepts. It stands before the
blob detector in the registry: with the shipped package it finds more nodes with a third of the false candidates
(Training/experiments/osln).
"""

from __future__ import annotations

from typing import cast

import numpy as np

from LNStationLib.imaging.boxes import Box, bounding_region, crop, paste
from LNStationLib.models.package.card import SYNTHETIC_ONLY
from LNStationLib.models.package.folders import find_package
from LNStationLib.models.package.installed import is_installed
from LNStationLib.models.package.node_detection import NodeDetection
from LNStationLib.models.package.reading import read_manifest, section_of
from LNStationLib.models.runtime.options import device_option, engine_option
from LNStationLib.nodes.from_network.candidates import CandidateMap
from LNStationLib.nodes.from_network.region import region_box
from LNStationLib.nodes.method import Candidates, Proposal
from LNStationLib.state.method import MethodOptions, option
from LNStationLib.state.needs import Need
from LNStationLib.state.node_result import NodeSearch
from LNStationLib.state.patient_state import PatientState
from LNStationLib.state.station_change import StationChange
from LNStationLib.state.used_model import UsedModel
from LNStationLib.support.progress import Progress
from LNStationLib.support.types import Engine

_VISIBLE_MM = 5.0
"""A node of this short axis is visible to a reader."""
SMALLEST_SHORT_AXIS_MM = 4.0
"""Smaller candidates are not reported. Outlines on the network's grid are up to 1 mm too thin: a cut at 5 mm lost
7 to 9 of 100 visible nodes of synthetic patients (Training/experiments/osln)."""
_NODE_WARNINGS = ("Found by a network on CT alone: confirm that it is a node.",)


SWITCH = "LNSTATION_NO_NODE_NETWORK"
"""Environment variable: where it is set, the automatic choice on CT alone is the blob detector."""
NETWORK = Need(
    "node_network",
    "node network: a model package that finds nodes, and learned models installed",
    lambda case: is_installed(NodeDetection.task, SWITCH),
)


class NodeNetworkOptions(MethodOptions):
    """The model package, how it runs, and how many false positives are accepted."""

    false_positives: float = option(
        4.0,
        "How many false candidates a patient are accepted on average; more find more nodes.",
        title="False candidates per patient",
        flag="--node-false-positives",
        gt=0.0,
        le=20.0,
    )
    model: str | None = option(
        None,
        "Model package that finds nodes: its file, folder or id; by default one that is installed.",
        title="Node model",
        flag="--nodes-model",
        selects=True,
    )
    device: str = device_option()
    engine: Engine = engine_option()


class NodeNetwork:
    """Visible nodes in or at the stations, each with a score."""

    name = "network"
    title = "Node network (model package)"
    options: type[MethodOptions] = NodeNetworkOptions
    needs: tuple[Need, ...] = (NETWORK,)
    package_task: str | None = NodeDetection.task
    search = NodeSearch(
        "network",
        inside_stations=True,
        uses_organs=True,
        fit_for_staging=False,
        caveat="nodes from a network on CT alone, not confirmed",
        node_warnings=_NODE_WARNINGS,
    )
    references: tuple[str, ...] = (
        "Zhu et al. 2020, arXiv:2005.13705 (OSLN: detection by segmentation, mean probability as score)",
        "Billot et al. 2023, doi:10.1016/j.media.2023.102789 (SynthSeg: networks trained on synthetic images)",
    )

    def run(self, state: PatientState, options: MethodOptions, progress: Progress) -> Candidates:
        """Find nodes; without stations there are none.

        Raises:
            PackageError: The package is missing or cannot be used.
            InputError: torch or the engine is not installed, or the device is not there.
        """
        box = region_box(state.stations)
        if box is None:
            empty = paste(np.zeros((0, 0, 0)), (slice(0, 0),) * 3, state.case.ct)
            return Candidates(empty, ("There are no stations to search for nodes.",))
        found, warnings, model = _ask(state, box, cast(NodeNetworkOptions, options), progress)
        return Candidates(
            paste(found.labels, box, state.case.ct),
            warnings,
            SMALLEST_SHORT_AXIS_MM,
            scores=found.scores,
            model=model,
        )

    def update(
        self, state: PatientState, change: StationChange, options: MethodOptions, progress: Progress
    ) -> Proposal | None:
        """All nodes again: the network sees every station, so that an edit may concern any node."""
        now, then = region_box(state.stations), region_box(change.earlier)
        whole = bounding_region([each for each in (now, then) if each is not None])
        if whole is None:
            raise ValueError("a case without stations has no nodes to update")
        if now is None:
            return CandidateMap.empty(whole).proposal(whole, SMALLEST_SHORT_AXIS_MM)
        found, warnings, _ = _ask(state, now, cast(NodeNetworkOptions, options), progress)
        return found.inside(now, whole).proposal(whole, SMALLEST_SHORT_AXIS_MM, warnings)


def _ask(
    state: PatientState, box: Box, options: NodeNetworkOptions, progress: Progress
) -> tuple[CandidateMap, tuple[str, ...], UsedModel]:
    """Candidates in a box of the CT, what is doubtful about the search, and the package that was asked."""
    from LNStationLib.models.runtime.segmentation import warm_segmenter
    from LNStationLib.models.runtime.used import used_model
    from LNStationLib.nodes.from_network.asking import ask_network

    progress("nodes from CT: loading the network", 0.0)
    path = find_package(options.model, NodeDetection.task)
    card = read_manifest(path)
    section = section_of(card, NodeDetection)
    segmenter = warm_segmenter(path, options.device, options.engine)
    found, engine = ask_network(segmenter, section, state, box, progress)
    shown = found.from_score(section.threshold(options.false_positives))
    model = used_model(card, options.device, engine)
    return shown, search_warnings(section, crop(state.case.ct, box).GetSpacing(), model), model


def search_warnings(section: NodeDetection, spacing_mm: tuple[float, ...], model: UsedModel) -> tuple[str, ...]:
    """Sentences about a search as a whole.

    Args:
        section: Of the package.
        spacing_mm: Voxel size of the CT; its largest is the distance of slices.
        model: What was asked.
    """
    warnings = ["Nodes were looked for by a network on CT alone: expect false candidates and missed nodes."]
    if model.trained_on == "synthetic":
        warnings.append(
            f"The model package {model.package_id} was {SYNTHETIC_ONLY}: confirm every node that it found."
        )
    if section.sure_from_mm is not None and section.sure_from_mm > _VISIBLE_MM:
        warnings.append(f"Nodes with a short axis under {section.sure_from_mm:g} mm are often missed.")
    slices_mm = max(spacing_mm)
    if slices_mm > section.sure_up_to_slice_mm + 0.01:
        warnings.append(
            f"Slices lie {slices_mm:g} mm apart, and the network was measured up to {section.sure_up_to_slice_mm:g} "
            "mm: expect missed nodes."
        )
    return tuple(warnings)
