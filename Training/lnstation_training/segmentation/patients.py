"""Patients as volumes on disk: CT, organs and stations of one patient in one safetensors file.

safetensors, because it can hold nothing that runs, is read box by box without reading the rest, and does not change
with the version of numpy or torch.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from LNStationLib.support.atomic_files import write_atomically
from LNStationLib.support.errors import InputError

Triple = tuple[float, float, float]
CT, ORGANS, STATIONS, NODES = "ct", "organs", "stations", "nodes"
NODE_KINDS = "node_kinds"
VISIBLE_NODE, SMALL_NODE, LOOK_ALIKE = 1, 2, 3
"""Values of ``node_kinds``: a node that a reader counts, one too small for that, and what only looks like one."""
PET, TUMOR_DISTANCE, SIGNIFICANT = "pet", "tumor_distance", "significant"
SUV_STEPS, MM_STEPS = 100, 10
"""Parts of a SUV and of a millimeter that ``pet`` and ``tumor_distance`` are stored in."""
NO_PET = -1
"""Value of ``pet`` where PET does not reach."""
FAR_AWAY = 32767
"""Largest value of ``tumor_distance``, more than 3 m."""
UNKNOWN_DISTANCE = 255
"""Value of ``significant`` in a significant node of a patient whose tumor is not known."""
PATIENTS = "patients"
FILE_ENDING = ".safetensors"
AIR_HU = -1000
_FORMAT = "lnstation volume 1"
OUTSIDE: Mapping[str, int] = {CT: AIR_HU, PET: NO_PET, TUMOR_DISTANCE: FAR_AWAY}
"""Value of each array outside the scan and where a patient lacks it; 0 in all others."""
SIXTEEN_BITS = frozenset({CT, PET, TUMOR_DISTANCE})
"""Arrays of int16; all others are uint8."""


@dataclass(frozen=True)
class PatientVolume:
    """One patient on a network's grid.

    Attributes:
        patient: Identifier.
        arrays: ``ct`` int16 ``[z, y, x]`` in HU; ``organs`` uint8, values of the anatomy table; ``stations`` uint8,
            values of the station table; ``nodes`` uint8, a number for each lymph node; ``node_kinds`` uint8, see
            ``VISIBLE_NODE``; ``organ:NAME`` uint8, a probability times 255; ``pet`` int16, hundredths of SUVbw, and
            ``tumor_distance`` int16, tenths of mm (see ``pet_codes`` and ``distance_codes``); ``significant`` uint8,
            in every voxel of a significant node 1 plus the distance of its center to the tumor in mm (0 inside, 253
            at most), else 0. LPS, z to the head. All but the CT may be missing.
        spacing_mm: Along z, y, x.
        annotated: Organs that were drawn; ``None`` where all were, as in a synthetic patient.
        synthetic: Whether the patient is.
    """

    patient: str
    arrays: Mapping[str, np.ndarray]
    spacing_mm: Triple
    annotated: tuple[str, ...] | None = None
    synthetic: bool = False


@dataclass(frozen=True)
class VolumeFile:
    """A patient's file, with what it says of itself.

    Attributes:
        path: The file.
        patient: See ``PatientVolume``; so are the next three.
        spacing_mm: Along z, y, x.
        annotated: Organs that were drawn, or ``None``.
        synthetic: Whether the patient is.
        shape: Voxels along z, y, x.
        names: Arrays that it holds.
    """

    path: Path
    patient: str
    spacing_mm: Triple
    annotated: tuple[str, ...] | None
    synthetic: bool
    shape: tuple[int, int, int]
    names: tuple[str, ...] = field(default=())

    def read(self, name: str) -> torch.Tensor:
        """A whole array ``[z, y, x]``."""
        with safe_open(self.path, "pt") as file:
            whole: torch.Tensor = file.get_tensor(name)
        return whole

    def read_box(self, names: Sequence[str], corner: Sequence[int], size: Sequence[int]) -> dict[str, torch.Tensor]:
        """Arrays in a box, which may reach over the edge of the scan.

        Args:
            names: Arrays that are wanted; one that the patient lacks comes as zeros.
            corner: First voxel along z, y, x; may be negative.
            size: Voxels along z, y, x.

        Returns:
            For each name ``[1, z, y, x]``, padded by air or zeros.
        """
        low = [max(c, 0) for c in corner]
        high = [max(min(c + s, n), lo) for c, s, n, lo in zip(corner, size, self.shape, low, strict=True)]
        inner = tuple(slice(lo - c, hi - c) for lo, hi, c in zip(low, high, corner, strict=True))
        with safe_open(self.path, "pt") as file:
            found = {}
            for name in names:
                dtype = torch.int16 if name in SIXTEEN_BITS else torch.uint8
                box = torch.full((1, *size), OUTSIDE.get(name, 0), dtype=dtype)
                if name in self.names and all(hi > lo for lo, hi in zip(low, high, strict=True)):
                    part = file.get_slice(name)[low[0] : high[0], low[1] : high[1], low[2] : high[2]]
                    box[0, inner[0], inner[1], inner[2]] = part
                found[name] = box
        return found


def pet_codes(suv: np.ndarray) -> np.ndarray:
    """SUVbw as it is stored: int16 hundredths, ``NO_PET`` where it is NaN."""
    codes = np.clip(np.round(np.nan_to_num(suv) * SUV_STEPS), 0, FAR_AWAY)
    return np.where(np.isnan(suv), NO_PET, codes).astype(np.int16)


def distance_codes(distance_mm: np.ndarray) -> np.ndarray:
    """A signed distance as it is stored: int16 tenths of mm."""
    return np.clip(np.round(distance_mm * MM_STEPS), -FAR_AWAY, FAR_AWAY).astype(np.int16)


def suv_of(codes: torch.Tensor) -> torch.Tensor:
    """SUVbw of stored PET, NaN where it does not reach."""
    suv = codes.float() / SUV_STEPS
    return torch.where(suv < 0, torch.nan, suv)


def distance_of(codes: torch.Tensor) -> torch.Tensor:
    """Distance in mm, as it is stored."""
    return codes.float() / MM_STEPS


def write_patient(folder: Path, volume: PatientVolume) -> Path:
    """Write a patient's file, whole or not at all.

    Raises:
        ValueError: Arrays of different shapes.
    """
    shapes = {array.shape for array in volume.arrays.values()}
    if len(shapes) != 1:
        raise ValueError(f"arrays of one patient have shapes {sorted(shapes)}")
    says: dict[str, Any] = {
        "patient": volume.patient,
        "spacing_mm": list(volume.spacing_mm),
        "annotated": None if volume.annotated is None else list(volume.annotated),
        "synthetic": volume.synthetic,
    }
    arrays = {name: np.ascontiguousarray(array) for name, array in volume.arrays.items()}
    path = patient_path(folder, volume.patient)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, save(arrays, {"format": _FORMAT, "volume": json.dumps(says)}))
    return path


def patient_path(folder: Path, patient: str) -> Path:
    """Where a patient of a folder of prepared volumes lies."""
    return folder / PATIENTS / f"{patient}{FILE_ENDING}"


def open_patient(path: Path) -> VolumeFile:
    """Read what a patient's file says of itself.

    Raises:
        InputError: It is not such a file.
    """
    try:
        with safe_open(path, "pt") as file:
            metadata = file.metadata() or {}
            names = tuple(file.keys())
            shape = tuple(file.get_slice(CT).get_shape()) if CT in names else ()
    except (OSError, SafetensorError) as error:
        raise InputError(f"{path} cannot be read: remove it and make the patient again.") from error
    if metadata.get("format") != _FORMAT or len(shape) != 3:
        raise InputError(f"{path} is not a patient of LNStation: remove it and make the patient again.")
    says = json.loads(metadata["volume"])
    annotated = None if says["annotated"] is None else tuple(says["annotated"])
    z, y, x = says["spacing_mm"]
    return VolumeFile(path, says["patient"], (z, y, x), annotated, says["synthetic"], shape, names)
