"""The network of a model package that stages a patient: what concerns staging, on top of ``models.runtime``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from LNStationLib import anatomy
from LNStationLib.models.package import ModelPackage, NStagingSection
from LNStationLib.models.package.n_staging import STAGER, STAGES
from LNStationLib.models.runtime.packaged import PackagedNetwork
from LNStationLib.models.runtime.warm import warm
from LNStationLib.sampling.station_patch import LEAST_COVERED, PetCtVolume
from LNStationLib.support.types import Engine, FloatArray, Side

_NUMBER_OF_SIDE: Mapping[Side, int] = {"R": 0, "L": 1}
"""As the network was trained."""
_LEAST_CARRIED = 0.25
"""By how much the expected category must fall without a station for it to carry the category: a quarter of a step."""


@dataclass(frozen=True)
class StageAnswer:
    """A network's answer.

    Attributes:
        probabilities: Of N0 to N3.
        stations: Probability of metastasis by station.
        positive: Stations at or above the operating point, in the package's order.
        carried: By how much the expected category falls without each positive station, the largest fall first; those
            with a small fall are left out.
    """

    probabilities: tuple[float, ...]
    stations: Mapping[str, float]
    positive: tuple[str, ...]
    carried: Mapping[str, float]

    @property
    def stage(self) -> int:
        """The most probable category, 0 to 3."""
        return int(np.argmax(self.probabilities))


class PatientNetwork(PackagedNetwork[NStagingSection]):
    """The network of a verified package, on its device.

    Args:
        package: Read and verified.
        device: Name as ``models.runtime.devices.chosen_device`` returns it.
        engine: What shall run the network on a CPU.

    Raises:
        PackageError: It is of another task, or its network cannot be built.
        InputError: The engine is not installed, or cannot run this network or on this device.
    """

    def __init__(self, package: ModelPackage, device: str, engine: Engine = "torch") -> None:
        super().__init__(package, NStagingSection, STAGER, device, engine)

    def seen(self, volume: PetCtVolume) -> list[str]:
        """Stations of the package that the patient has and PET covers, in the package's order."""
        values = {name: anatomy.station(name).label_value for name in self.section.stations}
        return [name for name, value in values.items() if volume.covered.get(value, 0.0) >= LEAST_COVERED]

    def stage(self, volume: PetCtVolume, side: Side) -> StageAnswer:
        """Stage a patient.

        Args:
            volume: Of the package's specification, with at least one station that is seen.
            side: Of the tumor.

        Raises:
            PackageError: The network does not take the patches, or its answer is NaN or infinite.
        """
        seen = self.seen(volume)
        patches = self._patches(volume, seen)
        stage_logits, station_logits = self._ask(patches, self._told(side, seen))
        found = {name: self.section.probability(float(station_logits[self._number(name)])) for name in seen}
        threshold = self.section.operating_point().threshold
        positive = tuple(name for name in seen if found[name] >= threshold)
        return StageAnswer(_softmax(stage_logits), found, positive, self._carried(patches, side, seen, positive))

    def _number(self, name: str) -> int:
        return self.section.stations.index(name)

    def _patches(self, volume: PetCtVolume, seen: list[str]) -> FloatArray:
        """``[1, L, 2, z, y, x]``; 0 where a station is missing."""
        patch, centers = self.section.patch, volume.centers(self.section.patch.spacing_mm)
        shape = (1, len(self.section.stations), len(self.section.channels), *patch.size)
        patches = np.zeros(shape, np.float32)
        for name in seen:
            patches[0, self._number(name)] = volume.patch(centers[anatomy.station(name).label_value], patch.size)
        return patches

    def _told(self, side: Side, seen: list[str]) -> np.ndarray:
        told = np.zeros((1, 1 + len(self.section.stations)), np.int64)
        told[0, 0] = _NUMBER_OF_SIDE[side]
        for name in seen:
            told[0, 1 + self._number(name)] = 1
        return told

    def _ask(self, patches: FloatArray, told: np.ndarray) -> tuple[FloatArray, FloatArray]:
        """Logits of N0 to N3 and of the stations."""
        stages, stations = self.runner.predict(patches, told)
        return stages[0], stations[0]

    def _carried(
        self, patches: FloatArray, side: Side, seen: list[str], positive: tuple[str, ...]
    ) -> dict[str, float]:
        """What becomes of the expected category where the network is told that a station was not seen."""
        if not positive:
            return {}
        ways = [[name for name in seen if name != left_out] for left_out in (None, *positive)]
        told = np.concatenate([self._told(side, way) for way in ways])
        expected = [_expected(self._ask(patches, row[None])[0]) for row in told]
        falls = {name: expected[0] - without for name, without in zip(positive, expected[1:], strict=True)}
        heaviest = sorted(falls, key=falls.__getitem__, reverse=True)
        return {name: falls[name] for name in heaviest if falls[name] >= _LEAST_CARRIED}


def _softmax(logits: FloatArray) -> tuple[float, ...]:
    raised = np.exp(logits - logits.max())
    return tuple(float(value) for value in raised / raised.sum())


def _expected(logits: FloatArray) -> float:
    return float(np.dot(_softmax(logits), range(len(STAGES))))


def warm_patient_network(path: Path, device: str, engine: Engine = "torch") -> PatientNetwork:
    """The network of a package, kept for the next time; see ``models.runtime.warm``.

    Raises:
        PackageError: The package cannot be used.
        InputError: torch is not installed, there is no such device, or the engine cannot be used.
    """
    return warm(path, device, engine, PatientNetwork)
