"""Nodes by the networks of a model package: every visible one on CT, and the significant ones among them.

After OSLN (Zhu et al. 2020). A network of visible nodes sees CT, organs and stations; streams of significant nodes
see CT, or CT with PET and the distance to the tumor, and are asked as far as the patient has what they need. What the
networks hold for node is split into single nodes, and how many of those are shown follows from the false positives
that a reader accepts. The method stands before the blob detector in the registry: with the shipped package it finds
more nodes with a third of the false candidates (Training/experiments/osln).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np

from LNStationLib.imaging.boxes import Box, bounding_region, crop, paste
from LNStationLib.models.package.folders import find_package
from LNStationLib.models.package.froc import threshold_at
from LNStationLib.models.package.installed import is_installed
from LNStationLib.models.package.node_candidates import NodeCandidates
from LNStationLib.models.package.node_detection import NodeDetection
from LNStationLib.models.package.node_streams import NODES, STREAMS
from LNStationLib.models.package.reading import read_manifest, section_of
from LNStationLib.models.package.thorough_search import ThoroughSearch
from LNStationLib.models.runtime.options import device_option, engine_option
from LNStationLib.nodes.from_network.candidates import CandidateMap, merged
from LNStationLib.nodes.from_network.region import region_box
from LNStationLib.nodes.method import Candidates, Proposal
from LNStationLib.state.assessment import FrocPoint
from LNStationLib.state.method import MethodOptions, option
from LNStationLib.state.needs import Need
from LNStationLib.state.node_result import NodeSearch
from LNStationLib.state.patient_state import PatientState
from LNStationLib.state.station_change import StationChange
from LNStationLib.state.used_model import UsedModel
from LNStationLib.support.progress import Progress, portion
from LNStationLib.support.reason import Reason
from LNStationLib.support.types import Engine

if TYPE_CHECKING:
    from LNStationLib.models.runtime.segmentation import Segmenter
    from LNStationLib.nodes.from_network.second_stage import Judged
    from LNStationLib.nodes.from_network.significant import StreamSearch

_VISIBLE_MM = 5.0
"""A node of this short axis is visible to a reader."""
SMALLEST_SHORT_AXIS_MM = 4.0
"""Smaller candidates are not reported. Outlines on the network's grid are up to 1 mm too thin: a cut at 5 mm lost
7 to 9 of 100 visible nodes of synthetic patients (Training/experiments/osln)."""


_WHOLLY_COVERED = 0.99
"""Part of the stations from which on PET covers them but for rounding at the rim."""
SWITCH = "LNSTATION_NO_NODE_NETWORK"
"""Environment variable: where it is set, the automatic choice on CT alone is the blob detector."""
NETWORK = Need(
    "node_network",
    "node network: a model package that finds nodes, and learned models installed",
    lambda case: is_installed(NodeDetection.task, SWITCH),
)


SearchName = Literal["thorough", "quick"]


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
    significant_false_positives: float = option(
        4.0,
        "The same for significant nodes, where the model package finds those.",
        title="False significant candidates per patient",
        flag="--significant-false-positives",
        gt=0.0,
        le=20.0,
    )
    search: SearchName = option(
        "thorough",
        "How the network is asked for visible nodes: thorough (in several views, where the model package says which) "
        "or quick (once: a tenth of the computing, fewer small nodes).",
        title="Search for nodes",
        flag="--nodes-search",
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
        caveat=Reason("nodes_from_network"),
        node_warnings=(Reason("found_by_network"),),
    )
    references: tuple[str, ...] = (
        "Zhu et al. 2020, arXiv:2005.13705 (OSLN: detection by segmentation, mean probability as score)",
        "Billot et al. 2023, doi:10.1016/j.media.2023.102789 (SynthSeg: networks trained on synthetic images)",
        "Wang et al. 2019, doi:10.1016/j.neucom.2019.01.103 (test-time augmentation: the mean over several views)",
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
            return Candidates(empty, (Reason("no_stations_to_search"),))
        found = _ask(state, box, cast(NodeNetworkOptions, options), progress)
        return Candidates(
            paste(found.shown.labels, box, state.case.ct),
            found.warnings,
            found.smallest_mm,
            scores=found.shown.scores,
            model=found.model,
            facts=found.shown.facts,
            settings=found.settings,
            operating_points=found.operating_points,
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
        found = _ask(state, now, cast(NodeNetworkOptions, options), progress)
        return found.shown.inside(now, whole).proposal(whole, found.smallest_mm, found.warnings)


@dataclass(frozen=True)
class _Answer:
    """Candidates in a box of the CT that are shown, if they measure enough, what is doubtful, and what was asked."""

    shown: CandidateMap
    smallest_mm: float
    warnings: tuple[Reason, ...]
    model: UsedModel
    settings: Mapping[str, Any]
    operating_points: tuple[FrocPoint, ...]


def _ask(state: PatientState, box: Box, options: NodeNetworkOptions, progress: Progress) -> _Answer:
    """Candidates in a box of the CT by every network of the package that can run."""
    from LNStationLib.models.runtime.segmentation import warm_segmenter
    from LNStationLib.models.runtime.used import used_model

    progress("nodes: loading the networks", 0.0)
    path = find_package(options.model, NodeDetection.task)
    card = read_manifest(path)
    section = section_of(card, NodeDetection)
    segmenter = warm_segmenter(path, options.device, options.engine)
    shown, streams, judged = _found(segmenter, section, state, box, options, progress)
    ran = streams.ran if streams is not None else ()
    asked = [*((NODES,) if section.finds_visible else ()), *ran]
    engine = segmenter.network(asked[0]).engine if asked else "torch"
    model = used_model(card, options.device, engine)
    warnings = (
        *search_warnings(section, crop(state.case.ct, box).GetSpacing(), model),
        *stream_warnings(section, streams),
    )
    search = wanted_search(section, options)
    smallest_mm = SMALLEST_SHORT_AXIS_MM if search is None else search.smallest_short_axis_mm
    settings = {} if streams is None else dict(streams.settings())
    if judged is not None:
        warnings = (*warnings, *second_stage_warnings(judged))
        settings["rejected"] = [dict(row) for row in judged.rejected]
    froc = section.froc if search is None else search.froc
    return _Answer(shown, smallest_mm, warnings, model, settings, tuple(froc))


def _found(
    segmenter: Segmenter,
    section: NodeDetection,
    state: PatientState,
    box: Box,
    options: NodeNetworkOptions,
    progress: Progress,
) -> tuple[CandidateMap, StreamSearch | None, Judged | None]:
    """Visible nodes at the wanted threshold, and with them the significant ones at theirs."""
    from LNStationLib.nodes.from_network.significant import as_candidates, search_streams

    visible, share = CandidateMap.empty(box), 1.0 / (len(section.streams) + 1)
    if section.finds_visible:
        visible = _visible(segmenter, section, state, box, options, portion(progress, 0.0, share))
    if section.significant is None:
        return visible, None, None
    search = search_streams(segmenter, section, state, box, portion(progress, share, 1.0))
    if search is None:
        return visible, None, None
    if section.second_stage is None:
        threshold = threshold_at(section.significant.froc, options.significant_false_positives)
        return merged(visible, as_candidates(search, section).from_score(threshold)), search, None
    judged = _judged(search, section.second_stage, state, options)
    return merged(visible, judged.with_facts(as_candidates(judged.search, section))), judged.search, judged


def _visible(
    segmenter: Segmenter,
    section: NodeDetection,
    state: PatientState,
    box: Box,
    options: NodeNetworkOptions,
    progress: Progress,
) -> CandidateMap:
    """Visible nodes at the wanted threshold."""
    from LNStationLib.nodes.from_network.asking import ask_network
    from LNStationLib.nodes.from_network.thorough import ask_in_views

    search = wanted_search(section, options)
    if search is None:
        found = ask_network(segmenter, section, state, box, progress)
        return found.from_score(section.threshold(options.false_positives))
    found = ask_in_views(segmenter, section, search, state, box, progress)
    return found.from_score(threshold_at(search.froc, options.false_positives))


def wanted_search(section: NodeDetection, options: NodeNetworkOptions) -> ThoroughSearch | None:
    """The views of the package; ``None`` where the network is asked once."""
    return section.thorough if options.search == "thorough" else None


def _judged(
    search: StreamSearch, section: NodeCandidates, state: PatientState, options: NodeNetworkOptions
) -> Judged:
    """The second stage at the wanted false positives."""
    from LNStationLib.models.runtime.candidate_judge import warm_judge
    from LNStationLib.nodes.from_network.second_stage import judge_candidates

    judge = warm_judge(find_package(options.model, NodeDetection.task), options.device, options.engine)
    threshold = threshold_at(section.froc, options.significant_false_positives)
    return judge_candidates(search, section, state, judge, threshold)


def second_stage_warnings(judged: Judged) -> tuple[Reason, ...]:
    """How many candidates the second stage rejected, if any."""
    gone, kept = len(judged.rejected), len(judged.search.found.scores)
    if not gone:
        return ()
    return (Reason("second_stage_rejected", {"n_rejected": gone, "n_candidates": gone + kept}),)


def search_warnings(section: NodeDetection, spacing_mm: tuple[float, ...], model: UsedModel) -> tuple[Reason, ...]:
    """What is doubtful about a search as a whole.

    Args:
        section: Of the package.
        spacing_mm: Voxel size of the CT; its largest is the distance of slices.
        model: What was asked.
    """
    warnings = [Reason("searched_by_network")]
    if model.trained_on == "synthetic":
        warnings.append(Reason("nodes_of_synthetic_model", {"package": model.package_id}))
    warnings += _missed(section)
    slices_mm = max(spacing_mm)
    if slices_mm > section.sure_up_to_slice_mm + 0.01:
        facts = {"slices_mm": slices_mm, "measured_up_to_mm": section.sure_up_to_slice_mm}
        warnings.append(Reason("slices_too_thick_for_network", facts))
    return tuple(warnings)


def _missed(section: NodeDetection) -> list[Reason]:
    """Which visible nodes are often missed."""
    if section.sure_from_mm is None:
        return [Reason("nodes_of_all_sizes_missed")] if section.finds_visible else []
    if section.sure_from_mm > _VISIBLE_MM:
        return [Reason("small_nodes_missed", {"short_axis_mm": section.sure_from_mm})]
    return []


def stream_warnings(section: NodeDetection, search: StreamSearch | None) -> tuple[Reason, ...]:
    """What is doubtful about the search for significant nodes: what the patient lacks, and what ran instead.

    Args:
        section: Of the package.
        search: ``None`` where no stream could run.
    """
    if section.significant is None:
        return ()
    if search is None:
        return (Reason("significant_nodes_not_looked_for"),)
    warnings = []
    if search.lacking:
        ran = [STREAMS[role].title for role in search.ran]
        warnings.append(Reason("streams_lack_input", {"lacking": list(search.lacking), "ran": ran}))
    if search.pet_covered is not None and search.pet_covered < _WHOLLY_COVERED:
        warnings.append(Reason("pet_covers_part_of_stations", {"share": search.pet_covered}))
    return tuple(warnings)
