"""A case as it came in, whatever the way: how to read its images, its facts, and where each mask came from."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TypeVar

import SimpleITK as sitk

from LNStationLib.case.case import CaseFacts
from LNStationLib.imaging.dicom_series import DicomVolume
from LNStationLib.imaging.dicom_structures import CtReference
from LNStationLib.imaging.label_names import NamedLabel
from LNStationLib.imaging.reading import Warn
from LNStationLib.imaging.suv import PetDose, PetUnits

Found = TypeVar("Found")
Read = Callable[[Warn], Found]
"""Reads something when called, and tells what was odd about the file."""
ReadOnCt = Callable[[CtReference, Warn], Found]
"""Reads what was drawn on a CT."""


@dataclass(frozen=True)
class GivenImage:
    """An image, unchecked.

    Attributes:
        image: As read.
        name: How messages call it.
        series: The DICOM series that it came from, with its headers; ``None`` where it came from no series.
    """

    image: sitk.Image
    name: str
    series: DicomVolume | None = None


@dataclass(frozen=True)
class GivenMask:
    """A mask of one structure, or node masks as one value a node; not read until it is known to be of use.

    Attributes:
        structure: The structure's name as given.
        name: How messages call the mask.
        origin: Where it came from, for the report.
        read: Gives the image.
    """

    structure: str
    name: str
    origin: str
    read: Callable[[], sitk.Image]


@dataclass(frozen=True)
class GivenLabels:
    """A label map, unchecked, and what its values mean.

    Attributes:
        image: As read; one component a layer where structures overlap.
        labels: Its structures.
        name: How messages call the map.
        origin: Where it came from, for the report.
    """

    image: sitk.Image
    labels: list[NamedLabel]
    name: str
    origin: str

    def layers(self) -> int:
        """Number of layers, at least 1."""
        return int(self.image.GetNumberOfComponentsPerPixel())

    def layer(self, number: int) -> sitk.Image:
        """One layer as a scalar image."""
        return sitk.VectorIndexSelectionCast(self.image, number) if self.layers() > 1 else self.image


GivenMasks = Iterable[GivenMask | GivenLabels]


@dataclass(frozen=True)
class UncheckedCase:
    """What ``check_case`` makes a case of. Images are read one by one, so that no two large ones wait in memory.

    Attributes:
        case_id: Name for the report as given, not yet safe as a file name; ``None`` where nothing but a DICOM series
            could name it.
        ct: Hounsfield units.
        pet: PET, or ``None`` where the case has none.
        pet_units: What the values of a PET without DICOM headers are.
        pet_tracer: Tracer of a PET whose headers do not say it, in any words.
        pet_dose: What SUV needs beside Bq/ml and headers do not give.
        organs: Masks of organs; ``None`` where none were given.
        nodes: Masks of lymph nodes; ``None`` where none were given.
        tumor: Masks of the primary tumor; ``None`` where none were given.
        facts: What is known of the patient; sex and age are looked up in the CT's header where unknown.
        keep_study_date: Let the study date of the CT's header into the case.
        synthetic: The case was made by the phantom.
    """

    case_id: str | None
    ct: Read[GivenImage]
    pet: Read[GivenImage] | None = None
    pet_units: PetUnits | None = None
    pet_tracer: str | None = None
    pet_dose: PetDose | None = None
    organs: ReadOnCt[GivenMasks] | None = None
    nodes: ReadOnCt[GivenMasks] | None = None
    tumor: ReadOnCt[GivenMasks] | None = None
    facts: CaseFacts = field(default_factory=CaseFacts)
    keep_study_date: bool = False
    synthetic: bool = False
