"""A synthetic cohort on disk: what decides it (``cohort.json``), and each patient's truth (``patient.json``)."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from LNStationLib import __version__
from LNStationLib.phantom.anatomy.traits import AnatomyTrait, Odds
from LNStationLib.phantom.patient import PatientTruth
from LNStationLib.phantom.preset import Preset, load_preset
from LNStationLib.phantom.preset_change import PresetChange
from LNStationLib.phantom.scan_traits import Extent, ScanTrait
from LNStationLib.support.atomic_files import write_atomically
from LNStationLib.support.errors import InputError, OutputError

COHORT_FILE, PATIENT_FILE = "cohort.json", "patient.json"
CASES, TRUTH = "cases", "truth"
_PATIENT = TypeAdapter(PatientTruth)
_OLD_TABLE = "cohort.csv"
"""Only cohorts of the first format have it."""


class CohortKey(BaseModel):
    """What decides every byte of a cohort's patients.

    Attributes:
        lnstation_version: Of the version that made it.
        preset: Name of the preset.
        preset_digest: Of the preset with the change.
        seed: Decides every patient, together with the preset.
        images: False for tables and truth alone.
        compact_mm: Pixels of CTs of the chest alone; ``None`` for the clinical field of view and own pixels.
        scan_traits: What real scans have and the audited cohorts do not.
        extent: How much of the body the CTs show.
        anatomy_traits: What patients have and the audited cohorts do not; every patient has all of them.
        anatomy_odds: Draw those traits for each patient with these odds instead; ``None`` draws none.
        change: What was changed of the preset.
        slice_mm: Slice thickness of every CT; ``None`` for each patient's own.
        ct_only: Whether no patient has a PET.
        chest_only: CTs of the chest alone, with each patient's own pixels.
        positive_fraction: At least this part of the patients has ``positive_stations`` metastatic stations as drawn.
        positive_stations: See ``positive_fraction``.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    lnstation_version: str = __version__
    preset: str
    preset_digest: str
    seed: int
    images: bool = True
    compact_mm: float | None = None
    scan_traits: tuple[ScanTrait, ...] = ()
    extent: Extent = "chest"
    anatomy_traits: tuple[AnatomyTrait, ...] = ()
    anatomy_odds: Odds | None = None
    change: PresetChange = PresetChange()
    slice_mm: float | None = None
    ct_only: bool = False
    chest_only: bool = False
    positive_fraction: float = 0.0
    positive_stations: int = 1

    def drawn_from(self) -> Preset:
        """The preset with the change.

        Raises:
            InputError: There is no preset of that name.
        """
        return self.change.applied(load_preset(self.preset))


class CohortFile(BaseModel):
    """``cohort.json``.

    Attributes:
        format: 2; the first format is refused, or taken over where its tables are the same (``read_cohort_file``).
        synthetic: Always true: no patient is real.
        title: For the cards of models.
        key: What decides the patients.
        patients: Names of the patients in the tables, in their order; empty until the first run is complete.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal[2] = 2
    synthetic: Literal[True] = True
    title: str
    key: CohortKey
    patients: tuple[str, ...] = ()

    def content(self) -> bytes:
        """The file's bytes."""
        return (self.model_dump_json(indent=1) + "\n").encode()


def read_cohort_file(folder: Path) -> CohortFile:
    """Read ``cohort.json``.

    That of an older version's ``train cohort`` is read too, since its tables have the same columns.

    Raises:
        InputError: There is none, it is faulty, or the cohort is of an older format.
    """
    path = folder / COHORT_FILE
    try:
        content = json.loads(path.read_bytes())
    except OSError as error:
        raise InputError(
            f"{folder} is not a synthetic cohort: {COHORT_FILE} cannot be read; make one with run.py phantom."
        ) from error
    except ValueError as error:
        raise InputError(f"{path} is not JSON; make the cohort again in a new folder.") from error
    if (folder / _OLD_TABLE).exists():
        raise InputError(
            f"{folder} was made by an older version, with other tables: make it again in a new folder; "
            "the same settings give the same patients."
        )
    try:
        return CohortFile.model_validate(_taken_over(content, folder))
    except ValidationError as error:
        raise InputError(f"{path} is not a cohort file of this version; make the cohort again.") from error


def _taken_over(content: Any, folder: Path) -> Any:
    """The content in this format, where it is that of ``train cohort`` of LNStation 0.1.0 before format 2."""
    if not isinstance(content, dict) or "format" in content or "change" not in content:
        return content
    key = {name: value for name, value in content.items() if name not in ("synthetic", "title")}
    key |= {"lnstation_version": "0.1.0", "ct_only": True}
    names = [path.name for path in _truth_folders(folder)]
    return {"format": 2, "synthetic": True, "title": content.get("title"), "key": key, "patients": names}


def patient_bytes(truth: PatientTruth) -> bytes:
    """A patient as JSON."""
    return _PATIENT.dump_json(truth, indent=1) + b"\n"


def read_patient(folder: Path) -> PatientTruth:
    """Read ``patient.json`` of a truth folder.

    Raises:
        InputError: There is none, or it is faulty.
    """
    path = folder / PATIENT_FILE
    try:
        return _PATIENT.validate_json(path.read_bytes())
    except OSError as error:
        raise InputError(
            f"{path} cannot be read; run the command that made the cohort again to complete it."
        ) from error
    except ValidationError as error:
        raise InputError(
            f"{path} is not a patient of this version; make the cohort again in a new folder."
        ) from error


def read_patients(folder: Path) -> tuple[CohortFile, list[PatientTruth]]:
    """All patients of a complete cohort, in the order of its tables.

    Raises:
        InputError: The folder is not a synthetic cohort, or a patient is missing.
    """
    cohort = read_cohort_file(folder)
    if not cohort.patients:
        raise InputError(f"{folder} is not complete: run the command that made it again.")
    return cohort, [read_patient(folder / TRUTH / name) for name in cohort.patients]


def read_made_patients(folder: Path) -> list[PatientTruth]:
    """The patients made so far, by name; a stopped run leaves fewer than were wanted.

    Raises:
        InputError: A patient's file is faulty.
    """
    return [read_patient(path) for path in _truth_folders(folder)]


def _truth_folders(folder: Path) -> list[Path]:
    return sorted(path.parent for path in (folder / TRUTH).glob(f"[!.]*/{PATIENT_FILE}"))


def write_file(path: Path, content: bytes) -> None:
    """Write a file so that it appears whole or not at all.

    Raises:
        OutputError: It cannot be written.
    """
    try:
        write_atomically(path, content)
    except OSError as error:
        raise OutputError(f"{path} cannot be written ({error.strerror}); choose another folder.") from error


def write_truth(folder: Path, truth: PatientTruth, extra: Path | None = None) -> None:
    """Write a patient's truth folder; it appears whole.

    Args:
        folder: The cohort's folder.
        truth: The patient.
        extra: Folder whose files are moved into it.

    Raises:
        OutputError: It could not be written completely.
    """
    target = folder / TRUTH / truth.plan.patient_id
    partial = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    try:
        (partial / PATIENT_FILE).write_bytes(patient_bytes(truth))
        for path in sorted(extra.iterdir()) if extra else ():
            shutil.move(path, partial / path.name)
        partial.chmod(0o755)
        shutil.rmtree(target, ignore_errors=True)
        os.replace(partial, target)
    except OSError as error:
        raise OutputError(f"{target} could not be written completely: {error}") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
