"""Write a case as a case folder (docs/case_format.md)."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from pathlib import Path

from LNStationLib.case.case import Case
from LNStationLib.imaging.writing import write_nifti
from LNStationLib.phantom.case import PhantomCase
from LNStationLib.support.errors import OutputError

_RANDOM_LETTERS = 8
"""By which ``tempfile`` makes a name new."""


def write_case(case: Case | PhantomCase, folder: Path) -> None:
    """Write a case folder that the case loader reads; it appears whole or not at all.

    Args:
        case: The case; of a ``PhantomCase`` only its case is written, never the truth.
        folder: Must not exist yet, or be empty.

    Raises:
        OutputError: The folder holds something, or cannot be written.
    """
    content = case.case if isinstance(case, PhantomCase) else case
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise OutputError(f"{folder} is not empty; choose another folder for the case.")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        _sweep_up(folder)
        partial = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    except OSError as error:
        raise OutputError(f"{folder} cannot be written ({error.strerror}); choose another folder.") from error
    try:
        _write_into(content, partial)
        partial.chmod(0o755)
        os.replace(partial, folder)
    except (OSError, RuntimeError) as error:
        raise OutputError(f"{folder} could not be written completely: {error}") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _sweep_up(folder: Path) -> None:
    """Take away what runs that were killed have left of a folder; of no other one, whose name may begin alike."""
    for remnant in folder.parent.glob(f".{folder.name}-" + "?" * _RANDOM_LETTERS):
        if "-" not in remnant.name[-_RANDOM_LETTERS:]:
            shutil.rmtree(remnant, ignore_errors=True)


def _write_into(case: Case, folder: Path) -> None:
    facts: dict[str, object] = {"case_id": case.case_id, "synthetic": case.synthetic}
    images = {"ct": case.ct, "pet": case.pet, "nodes": case.nodes, "tumor": case.tumor}
    for name, image in images.items():
        if image is not None:
            facts[name] = f"{name}.nii.gz"
            write_nifti(image, folder / f"{name}.nii.gz")
    if case.pet is not None:
        facts["pet_units"] = "suvbw"
    if case.organ_masks:
        facts["organs"] = "organs"
        (folder / "organs").mkdir()
        for name, mask in case.organ_masks.items():
            write_nifti(mask, folder / "organs" / f"{name}.nii.gz")
    given = ("cancer", "tumor_side", "tumor_site", "sex", "age_years")
    facts |= {name: getattr(case.facts, name) for name in given if getattr(case.facts, name) is not None}
    (folder / "case.json").write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
