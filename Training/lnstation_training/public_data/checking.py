"""Whether fetched and prepared folders are still what they were: every file against its SHA-256."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from lnstation_training.public_data.records import (
    FETCHED_FILE,
    MANIFEST_FILE,
    PROVENANCE_FILE,
    SOURCE_FILE,
    Fetched,
    FileDigest,
    Manifest,
    Provenance,
    SourceRecord,
)
from lnstation_training.public_data.writing import CASES
from LNStationLib.batch.contents import sha256_of
from LNStationLib.export.json_files import read_model
from LNStationLib.support.errors import InputError
from LNStationLib.support.progress import Progress, silent

PATIENTS = "patients"
"""Folder of fetched patients."""


@dataclass(frozen=True)
class Checked:
    """How many files are as they were, and a sentence for each that is not."""

    recipe: str
    files: int
    faults: list[str]


def check(folder: Path, progress: Progress = silent) -> Checked:
    """Compare every file of a fetched or prepared folder with its digest.

    Raises:
        InputError: The folder is neither, or what it says of itself cannot be read.
    """
    if (folder / PROVENANCE_FILE).exists():
        provenance = read_model(folder / PROVENANCE_FILE, Provenance, "prepared folder")
        return _checked(provenance.recipe, folder, list(_prepared(folder, provenance)), progress)
    if (folder / FETCHED_FILE).exists():
        fetched = read_model(folder / FETCHED_FILE, Fetched, "fetched folder")
        return _checked(fetched.recipe, folder, list(_fetched(folder)), progress)
    raise InputError(
        f"{folder} holds neither {FETCHED_FILE} nor {PROVENANCE_FILE}: give a folder of fetch or prepare."
    )


def _checked(recipe: str, folder: Path, expected: Sequence[FileDigest | str], progress: Progress) -> Checked:
    faults = []
    for number, one in enumerate(expected, 1):
        fault = one if isinstance(one, str) else _fault(folder, one)
        if fault:
            faults.append(fault)
        progress(f"{number} of {len(expected)} files", number / len(expected))
    return Checked(recipe, len(expected) - len(faults), faults)


def _fault(folder: Path, expected: FileDigest) -> str:
    path = folder / expected.path
    if not path.is_file():
        return f"{expected.path} is missing."
    return "" if sha256_of(path) == expected.sha256 else f"{expected.path} has changed."


def _prepared(folder: Path, provenance: Provenance) -> Iterator[FileDigest | str]:
    for name, digest in provenance.tables_sha256.items():
        yield FileDigest(path=name, size_bytes=0, sha256=digest)
    for patient in provenance.patients:
        case = Path(CASES) / patient.patient
        record = case / SOURCE_FILE
        yield FileDigest(path=record.as_posix(), size_bytes=0, sha256=patient.record_sha256)
        try:
            found = read_model(folder / record, SourceRecord, f"patient {patient.patient}")
        except InputError as error:
            yield str(error)
            continue
        yield from _below(case, found.files)


def _fetched(folder: Path) -> Iterator[FileDigest | str]:
    for patient in sorted((folder / PATIENTS).iterdir()):
        try:
            manifest = read_model(patient / MANIFEST_FILE, Manifest, f"patient {patient.name}")
        except InputError as error:
            yield str(error)
            continue
        yield from _below(Path(PATIENTS) / patient.name, manifest.files)


def _below(folder: Path, files: Sequence[FileDigest]) -> Iterator[FileDigest]:
    for one in files:
        yield one.model_copy(update={"path": (folder / one.path).as_posix()})
