"""Stations judged on PET/CT by the network of a model package (Engelson et al. 2026), without masks of nodes.

As with ``station_network``, nodes keep their measures and lose their call, and what the clinical criteria measure of
a station (SUVmax, number and size of nodes) stays in its finding.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import cast

import numpy as np

from LNStationLib import anatomy
from LNStationLib.metastasis.clinical_criteria import ClinicalCriteria, CriteriaOptions
from LNStationLib.metastasis.packages import operating_point_of, package_provenance, package_warnings
from LNStationLib.metastasis.station_uptake import station_uptakes
from LNStationLib.metastasis.uncertainty import nearly
from LNStationLib.models.package import ModelPackage, StationPatches
from LNStationLib.models.package.folders import find_package
from LNStationLib.models.package.probability import OperatingPoint
from LNStationLib.models.package.station_patches import PATCH_CLASSIFIER
from LNStationLib.models.runtime.options import device_option, engine_option, operating_point_option
from LNStationLib.models.runtime.packaged import PackagedNetwork
from LNStationLib.models.runtime.warm import warm
from LNStationLib.sampling.station_patch import LEAST_COVERED, PetCtVolume, pet_ct_volume
from LNStationLib.state.method import MethodOptions, option
from LNStationLib.state.needs import PET, Need
from LNStationLib.state.node_result import NodeSearch
from LNStationLib.state.patient_state import PatientState
from LNStationLib.state.station_call import MetastasisResult, NodeCall, StationCall
from LNStationLib.support.progress import Progress, silent
from LNStationLib.support.reason import Reason
from LNStationLib.support.types import Engine, Side

PETCT_REFERENCE = "Engelson et al. 2026, doi:10.1117/1.JMI.13.1.014507 (PET/CT N-staging)"
_DECIMALS = 4
"""Of probabilities: batches of another size differ in the seventh."""


class PatchNetworkOptions(CriteriaOptions):
    """The model package, how it runs, and the thresholds of the measures beside it."""

    model: str | None = option(
        None,
        "Model package that judges stations on PET/CT: its file, folder or id; by default the shipped one.",
        title="Model",
        flag="--petct-model",
        selects=True,
    )
    operating_point: str | None = operating_point_option()
    device: str = device_option()
    engine: Engine = engine_option()


class PatchClassifier(PackagedNetwork[StationPatches]):
    """The classifier of a verified package, on its device.

    Args:
        package: Read and verified.
        device: Name as ``models.runtime.devices.chosen_device`` returns it.
        engine: What shall run the network on a CPU.

    Raises:
        PackageError: It is of another task, or its network cannot be built.
        InputError: The engine is not installed, or cannot run this network or on this device.
    """

    def __init__(self, package: ModelPackage, device: str, engine: Engine = "torch") -> None:
        super().__init__(package, StationPatches, PATCH_CLASSIFIER, device, engine)

    def probabilities(self, volume: PetCtVolume, stations: Collection[str]) -> dict[str, float]:
        """Probability of metastasis in [0, 1] by station, calibrated where the package carries a calibration.

        Args:
            volume: The patient, of the package's specification.
            stations: Of the volume and of the package, at least one.

        Raises:
            PackageError: The network does not take the patches, or its answer is NaN or infinite.
        """
        patch = self.section.patch
        centers = volume.centers(patch.spacing_mm)
        samples = [volume.patch(centers[anatomy.station(name).label_value], patch.size) for name in stations]
        numbers = np.array([self.section.stations.index(name) for name in stations], np.int64)
        logits = self.runner.predict(np.stack(samples), numbers)[0]
        return {
            name: round(self.section.probability(float(logit)), _DECIMALS)
            for name, logit in zip(stations, logits, strict=True)
        }


class PatchNetworkMethod:
    """The network of a model package judges stations on PET/CT; the options name the package."""

    name = "patch_network"
    title = "PET/CT station network (model package)"
    options: type[MethodOptions] = PatchNetworkOptions
    needs: tuple[Need, ...] = (PET,)
    references: tuple[str, ...] = (PETCT_REFERENCE,)
    package_task: str | None = StationPatches.task

    def check(self, options: MethodOptions, search: NodeSearch | None) -> str | None:
        """Load the network, or reuse a warm one; see :class:`LNStationLib.metastasis.method.MetastasisMethod`."""
        network, _ = _network(cast(PatchNetworkOptions, options))
        return network.manifest.sha256

    def run(
        self,
        state: PatientState,
        options: MethodOptions,
        progress: Progress = silent,
        only: Collection[str] | None = None,
    ) -> MetastasisResult:
        """Assess nodes and stations; see :class:`LNStationLib.metastasis.method.MetastasisMethod`."""
        start, chosen = time.perf_counter(), cast(PatchNetworkOptions, options)
        criteria = ClinicalCriteria().run(state, options, progress, only)
        network, point = _network(chosen)
        calls = _judged(state, network, point, criteria.stations)
        warnings = package_warnings(network)
        thresholds = {"operating_point": point.name, "threshold": point.threshold}
        seconds = time.perf_counter() - start
        return MetastasisResult(
            {number: _uncalled(call) for number, call in criteria.nodes.items()},
            calls,
            package_provenance(network, self, state.settings, options, thresholds, seconds, warnings),
            warnings,
        )


def _network(options: PatchNetworkOptions) -> tuple[PatchClassifier, OperatingPoint]:
    """The network that the options ask for, with its operating point.

    Raises:
        PackageError: The package is missing or cannot be used.
        InputError: torch or the engine is not installed, the device is not there, or the package does not have the
            operating point.
    """
    network = warm_classifier(find_package(options.model, StationPatches.task), options.device, options.engine)
    return network, operating_point_of(network, options.operating_point)


def warm_classifier(path: Path, device: str, engine: Engine = "torch") -> PatchClassifier:
    """The classifier of a package, kept for the next time; see ``models.runtime.warm``.

    Raises:
        PackageError: The package cannot be used.
        InputError: torch is not installed, there is no such device, or the engine cannot be used.
    """
    return warm(path, device, engine, PatchClassifier)


def _judged(
    state: PatientState, network: PatchClassifier, point: OperatingPoint, criteria: Mapping[str, StationCall]
) -> dict[str, StationCall]:
    """The network's calls in place of those of the clinical criteria."""
    assert state.case.pet is not None, "the method needs PET"
    volume = pet_ct_volume(state.case.ct, state.case.pet, state.stations, network.section.patch)
    refused = {name: _refusal(name, state, network, volume) for name in criteria}
    asked = [name for name, why in refused.items() if why is None]
    found = network.probabilities(volume, asked) if volume is not None and asked else {}
    return {
        name: _call(call, found[name], point, state) if name in found else _not_assessed(call, refused[name])
        for name, call in criteria.items()
    }


def _refusal(name: str, state: PatientState, network: PatchClassifier, volume: PetCtVolume | None) -> Reason | None:
    """Why a station cannot be judged; ``None`` where it can."""
    value, section = anatomy.station(name).label_value, network.section
    if not section.takes(state.case.pet_tracer):
        tracers = {"wanted": section.tracer, "given": state.case.pet_tracer}
        return Reason("package_of_other_tracer", {"package": network.manifest.package_id, **tracers})
    if name not in state.boxes:
        return Reason("station_not_parsed", {"station": name})
    if name not in section.stations:
        return Reason("station_not_trained_on", {"package": network.manifest.package_id, "station": name})
    if volume is None or value not in volume.covered:
        return Reason("station_too_small")
    if volume.covered[value] < LEAST_COVERED:
        return Reason("pet_covers_part" if volume.covered[value] > 0 else "pet_does_not_cover")
    return None


def _call(call: StationCall, probability: float, point: OperatingPoint, state: PatientState) -> StationCall:
    positive = probability >= point.threshold
    facts = {"probability": probability, "threshold": point.threshold, "operating_point": point.name}
    facts |= {"map_in_nodes": None, "node": None, "limits": ()}
    unsided = anatomy.station(call.station).side is None
    return replace(
        call,
        call="positive" if positive else "negative",
        reason=Reason("probability", facts),
        probability=probability,
        positive_sides=_hottest_side(call.station, state) if positive and unsided else (),
        fit_for_staging=True,
        nearly_positive=not positive and nearly(probability, point.threshold),
        prediction_set=None,
    )


def _hottest_side(station: str, state: PatientState) -> tuple[Side, ...]:
    """Side of a station's hottest voxel, the tumor left out; none where PET covers none."""
    boxes = {station: state.boxes[station]}
    uptakes = station_uptakes(state.case.pet, state.stations, state.case.tumor, boxes).by_station
    return (state.midline.side_of(uptakes[station].hottest_mm),) if station in uptakes else ()


def _not_assessed(call: StationCall, why: Reason | None) -> StationCall:
    shown = call.reason if why is None or why.code == "station_not_parsed" else None
    return replace(
        call,
        call=None,
        fit_for_staging=True,
        nearly_positive=False,
        prediction_set=None,
        positive_sides=(),
        reason=shown or Reason("not_assessed", {"why": [why]}),
    )


def _uncalled(call: NodeCall) -> NodeCall:
    """A node as measured: what the clinical criteria would call it stands in its reason only."""
    return NodeCall(None, Reason("network_judges_stations", {"criteria": call.reason}))
