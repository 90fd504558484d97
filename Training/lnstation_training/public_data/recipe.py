"""What a recipe is: the facts of a public data set, how its folder is read, and how a patient becomes a case."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

import SimpleITK as sitk

from LNStationLib.case.unchecked import GivenMasks, ReadOnCt, UncheckedCase
from LNStationLib.imaging.dicom_structures import CtReference
from LNStationLib.imaging.reading import Warn
from LNStationLib.support.progress import Progress

Coverage = Literal["all", "some", "not checked"]
"""Whether everything of a kind is labeled. ``some``: what has no label is unknown, never absent."""
ReadImage = Callable[[CtReference, Warn], sitk.Image]
"""Gives an image on the CT's own grid."""


@dataclass(frozen=True)
class License:
    """Terms under which data may be used.

    Attributes:
        name: Short, as the source writes it.
        url: Where its text stands.
        terms: What must be done beside, such as a form to sign.
    """

    name: str
    url: str
    terms: str = ""


@dataclass(frozen=True)
class Label:
    """A kind of label that a data set has.

    Attributes:
        what: In a few words.
        column: Of the cohort tables, that it fills.
        coverage: Whether all of its kind are labeled.
    """

    what: str
    column: str
    coverage: Coverage


@dataclass(frozen=True)
class IdcAccess:
    """Data in the NCI Imaging Data Commons.

    Attributes:
        collection: ``collection_id`` of its index.
        modalities: Of the series that are fetched.
        annotations: ``analysis_result_id`` of annotations that others have added and that are fetched too.
        licenses: ``license_short_name`` of everything that is fetched, as when the recipe was written.
    """

    collection: str
    modalities: tuple[str, ...]
    licenses: tuple[str, ...]
    annotations: tuple[str, ...] = ()


@dataclass(frozen=True)
class SiteAccess:
    """Data that a person downloads.

    Attributes:
        address: Where.
        files: What to download and unpack there.
    """

    address: str
    files: str


@dataclass(frozen=True)
class Facts:
    """What is known of a data set.

    Attributes:
        name: In commands.
        title: For people, and for the cards of models.
        patients: How many, in words where it is not plain.
        size: Of the download; "not checked" where nobody looked.
        holds: What is in it.
        labels: And which of it is labeled.
        license: Terms.
        access: How it is got.
        cite: DOIs that users cite.
        converted: What becomes of which file.
        checked: Against what these facts were checked, and which were not.
        cancer: Of every patient, for case folders.
    """

    name: str
    title: str
    patients: str
    size: str
    holds: str
    labels: tuple[Label, ...]
    license: License
    access: IdcAccess | SiteAccess
    cite: tuple[str, ...]
    converted: str
    checked: str
    cancer: Literal["lung", "esophagus"] | None = None


@dataclass(frozen=True)
class NodeCells:
    """What a table of the data set says of one node.

    Attributes:
        node: Value in the label map.
        station: Of the station table; empty where it has no such station.
        given: Stations as the source writes them, the first one first.
    """

    node: int
    station: str
    given: tuple[str, ...]


@dataclass(frozen=True)
class PatientSource:
    """A patient that was found in a folder, not yet read.

    Attributes:
        patient: Pseudonym of the data set, fit for file names.
        files: By role, such as ``"ct"``; paths as they are opened.
        cells: Of the table of patients, where the data set has a table itself.
        nodes: What its tables say of nodes.
        identifiers: Public ones, such as Study and Series Instance UIDs, for the provenance.
    """

    patient: str
    files: Mapping[str, tuple[Path, ...]]
    cells: Mapping[str, str] = field(default_factory=dict)
    nodes: tuple[NodeCells, ...] = ()
    identifiers: Mapping[str, str] = field(default_factory=dict)

    def one(self, role: str) -> Path:
        """The only file of a role."""
        (path,) = self.files[role]
        return path


@dataclass(frozen=True)
class LeftOut:
    """A patient, or something of one, that is not in the cohort.

    Attributes:
        patient: As far as it is known.
        what: ``"patient"``, or what of the patient.
        why: One sentence.
    """

    patient: str
    what: str
    why: str


@dataclass(frozen=True)
class Found:
    """What a folder holds: patients to convert, and what is left out already."""

    patients: list[PatientSource]
    left_out: list[LeftOut] = field(default_factory=list)


@dataclass(frozen=True)
class PatientParts:
    """A patient, read as far as it takes to check and write it.

    Attributes:
        case: Images and masks, not yet checked. Its nodes are all that a reader would name.
        nodes_partial: Masks of some of the nodes; the others are unlabeled. Instead of the case's nodes.
        lesions: Masks of everything that is called a lesion on PET.
        stations: Station label map.
        tumor_box: Boxes around the tumor, as a mask.
        cells: Of the table of patients.
    """

    case: UncheckedCase
    nodes_partial: ReadOnCt[GivenMasks] | None = None
    lesions: ReadOnCt[GivenMasks] | None = None
    stations: ReadImage | None = None
    tumor_box: ReadImage | None = None
    cells: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Search:
    """Where a recipe looks for patients.

    Attributes:
        folder: What was downloaded.
        labels: Further labels of the same patients, where a recipe takes such.
        scratch: A folder for what is found out about the files, kept between runs.
        workers: Processes.
    """

    folder: Path
    scratch: Path
    labels: Path | None = None
    workers: int = 1


class Recipe(Protocol):
    """How a public data set becomes a cohort."""

    @property
    def facts(self) -> Facts:
        """What is known of it."""

    @property
    def takes_labels(self) -> str:
        """What ``--labels`` may be; empty where the recipe takes none."""

    def find(self, search: Search, progress: Progress) -> Found:
        """The patients in a folder.

        Raises:
            InputError: The folder holds another data set, or nothing.
        """

    def read(self, source: PatientSource, warn: Warn) -> PatientParts:
        """A patient's images and masks.

        Raises:
            InputError: They cannot be used.
        """


def named(found: Sequence[Path]) -> str:
    """Names of the first files of a folder, for a sentence on what is there."""
    return ", ".join(path.name for path in found[:3]) or "nothing"
