"""Stations drawn by the network of a model package from CT and organs (DeepStationing, Guo et al. 2021, Sec. 2.2).

The network sees the CT and, as further channels, organs that were found before; an organ that it was trained with and
that is missing comes as an empty channel, and every station says so. It stands behind the rules in the registry, so
that an automatic choice stays theirs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import cast

import numpy as np
import SimpleITK as sitk

from LNStationLib import anatomy
from LNStationLib.models.package.folders import find_package
from LNStationLib.models.package.reading import read_manifest, section_of
from LNStationLib.models.package.station_segmentation import STATIONS, StationSegmentation
from LNStationLib.models.runtime.options import device_option, engine_option
from LNStationLib.models.runtime.segmentation import ClassProbabilities, warm_segmenter
from LNStationLib.models.runtime.used import used_model
from LNStationLib.sampling.volume import OrganProbabilities
from LNStationLib.state.method import MethodOptions, option
from LNStationLib.state.needs import Need
from LNStationLib.state.organ_set import OrganSet
from LNStationLib.state.patient_state import PatientState
from LNStationLib.state.station_map import PROBABILITY, StationMap
from LNStationLib.state.used_model import UsedModel
from LNStationLib.stations.comparison import ComparisonOptions
from LNStationLib.stations.left_out import all_not_found, not_parsed
from LNStationLib.stations.midline import midline_x_mm
from LNStationLib.stations.network_outlines import outlined
from LNStationLib.support.progress import Progress, portion
from LNStationLib.support.reason import Reason
from LNStationLib.support.types import Engine

DEEPSTATIONING = (
    "Guo et al. 2021, doi:10.1007/978-3-030-87234-2_1 (DeepStationing: station parsing with anatomical context)"
)


class StationNetworkOptions(ComparisonOptions):
    """The model package, how it runs, and how sure it must be."""

    model: str | None = option(
        None,
        "Model package that draws stations: its file, folder or id; by default the shipped one.",
        title="Model",
        flag="--stations-model",
        selects=True,
    )
    least_probability: float = option(
        0.5,
        "Stations whose voxels have a lower mean probability than this are left out.",
        title="Least probability",
        flag="--least-station-probability",
        width="expert",
        ge=0.0,
        le=1.0,
    )
    device: str = device_option()
    engine: Engine = engine_option()


class StationSegmentationMethod:
    """A network draws the stations; the options name its package."""

    name = "network"
    title = "Station segmentation network (model package)"
    options: type[MethodOptions] = StationNetworkOptions
    needs: tuple[Need, ...] = ()
    references: tuple[str, ...] = (DEEPSTATIONING,)
    package_task: str | None = StationSegmentation.task

    def run(self, state: PatientState, options: MethodOptions, progress: Progress) -> StationMap:
        """Draw the stations; see :class:`LNStationLib.stations.method.StationMethod`.

        Raises:
            PackageError: The package is missing or cannot be used.
            InputError: torch or the engine is not installed, or the device is not there.
        """
        chosen = cast(StationNetworkOptions, options)
        organs, onto = state.organ_set, state.working_ct.grid
        midline = midline_x_mm(organs)
        if not {"lung_left", "lung_right"} & set(organs):
            return _nothing(organs, all_not_found("left lung", "right lung"))
        progress("loading the network", 0.0)
        package = find_package(chosen.model, StationSegmentation.task)
        card = read_manifest(package)
        known, missing = known_organs(organs, section_of(card, StationSegmentation).organs)
        segmenter = warm_segmenter(package, chosen.device, chosen.engine)
        answer = segmenter.probabilities(STATIONS, state.case.ct, onto, known, portion(progress, 0.1, 0.9))
        progress("drawing the stations", 0.9)
        found = outlined(answer.values, answer.classes, answer.grid, onto, midline, chosen.least_probability)
        found = replace(found, maps={PROBABILITY: _likeliest(answer)})
        engine = segmenter.network(STATIONS).engine
        return _told(found, used_model(card, chosen.device, engine), missing)


def _likeliest(answer: ClassProbabilities) -> sitk.Image:
    """Probability of the likeliest station in every voxel of the network's grid."""
    return answer.grid.image(answer.values[1:].max(axis=0).astype(np.float32))


def known_organs(organs: OrganSet, wanted: Sequence[str]) -> tuple[OrganProbabilities, tuple[str, ...]]:
    """Organs as channels, and the names of those that are wanted and were not found: their channels are empty."""
    missing = tuple(name for name in wanted if organs.mask(name) is None)
    empty = np.zeros(organs.grid.shape, bool)
    masks = {name: mask if (mask := organs.mask(name)) is not None else empty for name in wanted}
    return OrganProbabilities(organs.grid, masks), missing


def _nothing(organs: OrganSet, reason: Reason) -> StationMap:
    left_out = {row.name: not_parsed(reason) for row in anatomy.stations()}
    labels = np.zeros(organs.grid.shape, np.uint8)
    return StationMap(organs.grid, labels, midline_x_mm(organs), left_out=left_out, failure=reason)


def _told(found: StationMap, model: UsedModel, missing: Sequence[str]) -> StationMap:
    """With the package in the provenance, and what makes the stations doubtful."""
    warnings = list(found.warnings)
    if model.trained_on == "synthetic":
        warnings.append(Reason("stations_of_synthetic_model", {"package": model.package_id}))
    doubts = dict(found.doubts)
    if missing:
        lacks = Reason("network_lacks_organs", {"titles": [anatomy.organ(name).title for name in missing]})
        drawn = [row.name for row in anatomy.stations() if (found.labels == row.label_value).any()]
        doubts |= {name: (*doubts.get(name, ()), lacks) for name in drawn}
    return replace(found, warnings=warnings, doubts=doubts, model=model)
