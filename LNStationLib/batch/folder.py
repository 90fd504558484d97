"""The output folder of a batch: one run at a time, one set of settings, one folder for each case."""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from LNStationLib.batch.contents import are_whole
from LNStationLib.batch.records import UnitRecord
from LNStationLib.export.json_files import read_model
from LNStationLib.export.output_folder import user_facing_errors
from LNStationLib.state.settings import Settings
from LNStationLib.support.atomic_files import write_atomically
from LNStationLib.support.errors import InputError, OutputError
from LNStationLib.support.language import ENGLISH
from LNStationLib.support.locks import exclusive_lock

RECORD_FILE, RUN_FILE, LOCK_FILE = "unit.json", "batch.json", ".batch.lock"
CASES, _UNFINISHED, _TRASH = "cases", ".unfinished", ".trash-"


class RunFile(BaseModel):
    """What ``batch.json`` says of a run: the choices that all its cases share."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal[1] = 1
    settings: Settings
    formats: list[str]
    identifiers: bool = False
    dicom: bool = False
    language: str = ENGLISH

    def difference(self, other: RunFile) -> str:
        """The first choice in which another run differs, in words; empty where in none."""
        mine, its = _flat(self.model_dump(mode="json")), _flat(other.model_dump(mode="json"))
        for name in sorted({*mine, *its}):
            if mine.get(name) != its.get(name):
                return f"{name.removeprefix('settings.')} is {mine.get(name)} there and {its.get(name)} now"
        return ""


def _flat(value: Any, name: str = "") -> dict[str, Any]:
    if not isinstance(value, dict):
        return {name: value}
    return {
        key: one for part, item in value.items() for key, one in _flat(item, f"{name}.{part}".lstrip(".")).items()
    }


@contextmanager
def claimed(out: Path, run: RunFile) -> Iterator[None]:
    """Hold an output folder for one run within the block; made where it is missing.

    Raises:
        OutputError: Another run holds it, it holds something else, or cannot be written.
        InputError: It holds a run with other settings.
    """
    if out.exists() and not out.is_dir():
        raise OutputError(f"{out} is a file, not a folder: choose another output folder.")
    with user_facing_errors(out):
        out.mkdir(parents=True, exist_ok=True)
        _check_ours(out)
        with exclusive_lock(out / LOCK_FILE) as holder:
            if holder is not None:
                raise OutputError(
                    f"another batch (process {holder or 'unknown'}) is writing into {out}: wait until it has ended, "
                    "or choose another folder."
                )
            _check_same_run(out, run)
            _sweep(out)
            (out / CASES).mkdir(exist_ok=True)
            write_atomically(out / RUN_FILE, run.model_dump_json(indent=1) + "\n")
            try:
                yield
            finally:
                _sweep(out)


def _check_ours(out: Path) -> None:
    """Refuse a folder that holds something else; hidden files may be a lock, or what a kill left."""
    visible = [entry.name for entry in sorted(out.iterdir()) if not entry.name.startswith(".")]
    if visible and not (out / RUN_FILE).exists() and visible != [CASES]:
        raise OutputError(f"{out} is not empty (it holds {visible[0]}) and holds no batch: choose another folder.")


def _check_same_run(out: Path, run: RunFile) -> None:
    if not (out / RUN_FILE).exists():
        return
    there = read_model(out / RUN_FILE, RunFile, "output folder")
    difference = there.difference(run)
    if difference:
        raise InputError(
            f"{out} holds a batch with other settings ({difference}): choose another folder, or the settings of then."
        )


def _sweep(out: Path) -> None:
    """Remove what runs that were killed have left.

    It is renamed first: a worker of a killed run that is still writing can then no longer publish what it has.
    """
    if (out / _UNFINISHED).exists():
        os.replace(out / _UNFINISHED, out / f"{_TRASH}{uuid.uuid4().hex}")
    for trash in out.glob(f"{_TRASH}*"):
        shutil.rmtree(trash, ignore_errors=True)


def unit_folder(out: Path, case_id: str) -> Path:
    """Where the results of a case lie.

    Raises:
        ValueError: The name leaves the folder.
    """
    folder = out / CASES / case_id
    if folder.parent != out / CASES or case_id in ("", ".", ".."):
        raise ValueError(f"{case_id!r} cannot name a folder")
    return folder


def read_record(out: Path, case_id: str, *, read_bytes: bool = False) -> UnitRecord | None:
    """The record of a case; ``None`` where there is none, it is of an older form, or its results are not whole.

    Args:
        out: Output folder.
        case_id: Of the case.
        read_bytes: Compare every byte of the results, not only their sizes.
    """
    folder = unit_folder(out, case_id)
    try:
        record = UnitRecord.model_validate_json((folder / RECORD_FILE).read_bytes())
    except (OSError, ValueError):
        return None
    return record if are_whole(folder, record.outputs, read_bytes=read_bytes) else None


@contextmanager
def unfinished_unit(out: Path, case_id: str) -> Iterator[Path]:
    """A folder for results of a case that nobody sees yet; gone after the block unless it was published."""
    folder = out / _UNFINISHED / f"{unit_folder(out, case_id).name}-{uuid.uuid4().hex[:8]}"
    with user_facing_errors(out):
        folder.parent.mkdir(exist_ok=True)
        folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def publish_unit(out: Path, folder: Path, record: UnitRecord) -> None:
    """Put an unfinished folder in the place of a case's results, with its record, by one rename.

    Raises:
        OutputError: It cannot be written.
        OSError: The folder was taken away by a later run.
    """
    final = unit_folder(out, record.case_id)
    with user_facing_errors(out):
        write_atomically(folder / RECORD_FILE, record.model_dump_json(indent=1) + "\n")
        _flush(folder)
        while not _renamed(folder, final):
            old = out / f"{_TRASH}{uuid.uuid4().hex}"
            try:
                os.rename(final, old)
            except FileNotFoundError:
                continue
            shutil.rmtree(old, ignore_errors=True)


def renew_record(out: Path, record: UnitRecord) -> None:
    """Replace the record of a case whose results stay."""
    with user_facing_errors(out):
        write_atomically(unit_folder(out, record.case_id) / RECORD_FILE, record.model_dump_json(indent=1) + "\n")


def publish_failure(out: Path, record: UnitRecord) -> None:
    """Put a record without results in the place of a case's results."""
    with unfinished_unit(out, record.case_id) as folder:
        publish_unit(out, folder, record)


def _renamed(folder: Path, final: Path) -> bool:
    """Whether a folder could take a name; not where another folder has it."""
    try:
        os.rename(folder, final)
    except OSError:
        if final.exists() and folder.exists():
            return False
        raise
    return True


def _flush(folder: Path) -> None:
    """Have the files on disk before the rename, so that a power failure leaves no whole-looking folder."""
    for path in folder.iterdir():
        if path.is_file():
            with path.open("rb+") as file:
                os.fsync(file.fileno())
