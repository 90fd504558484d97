"""Where a case of a batch comes from: what must be read for it, and how it becomes a ``Case``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

from LNStationLib.batch.records import SeriesChoice
from LNStationLib.case.case import Case
from LNStationLib.case.from_files import load_case
from LNStationLib.case.request import CaseRequest
from LNStationLib.imaging.dicom_files import files_under
from LNStationLib.imaging.reading import image_stem
from LNStationLib.support.progress import Progress

_BESIDE = (".json", ".txt", ".label", ".ctbl", ".raw", ".zraw", ".raw.gz", ".img")
"""Endings of what belongs to an image file of the same name: names of its labels, voxels of a detached header."""
_NAMES_OF_A_FOLDER = "labels.json"

Inputs = Mapping[str, Mapping[str, Path]]
"""By role (``"ct"``, ``"organs"``), every file by the name that its content depends on."""


@dataclass(frozen=True)
class Loaded:
    """A case that was read.

    Attributes:
        case: Checked.
        choices: Which series were taken or refused, where they were looked for.
        ct_files: DICOM files with the CT's series among them; empty where it came from another kind of file.
    """

    case: Case
    choices: tuple[SeriesChoice, ...] = ()
    ct_files: tuple[Path, ...] = ()


class Source(Protocol):
    """Where a case comes from; can be pickled."""

    def inputs(self) -> Inputs:
        """Every file that decides the case; a file that is missing is left out."""

    def paths(self) -> tuple[Path, ...]:
        """What messages may name, whether it exists or not."""

    def facts(self) -> dict[str, Any]:
        """What decides the case beside files, as JSON can hold it."""

    def load(self, progress: Progress) -> Loaded:
        """Read and check the case.

        Raises:
            InputError: It cannot be used.
        """


@dataclass(frozen=True)
class FileSource:
    """A case whose files are known: a row of a table, or a case folder."""

    request: CaseRequest

    def inputs(self) -> Inputs:
        """Files of images and masks by role."""
        return {role: _files(path) for role, path in self._by_role().items()}

    def paths(self) -> tuple[Path, ...]:
        """Images, masks and their folders."""
        return tuple(self._by_role().values())

    def facts(self) -> dict[str, Any]:
        """Facts of the patient and of the files."""
        rest = {key: value for key, value in asdict(self.request).items() if not isinstance(value, Path)}
        dose = self.request.pet_dose
        return rest | {"pet_dose": None if dose is None else dose.model_dump(mode="json")}

    def load(self, progress: Progress) -> Loaded:
        """Read and check the case."""
        ct = self.request.ct
        images = tuple(files_under(ct)) if ct is not None and ct.is_dir() else ()
        return Loaded(load_case(self.request, progress), ct_files=images)

    def _by_role(self) -> dict[str, Path]:
        found = {role: getattr(self.request, role) for role in self.request.__dataclass_fields__}
        return {role: path for role, path in found.items() if isinstance(path, Path)}


def _files(path: Path) -> dict[str, Path]:
    if path.is_dir():
        return {file.relative_to(path).as_posix(): file for file in files_under(path)}
    stem = image_stem(path)
    beside = [path.with_name(stem + ending) for ending in _BESIDE] + [path.with_name(_NAMES_OF_A_FOLDER)]
    return {file.name: file for file in (path, *beside) if file.is_file()}
