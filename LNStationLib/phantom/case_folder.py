"""Write a case as a case folder (docs/case_format.md)."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from pathlib import Path

import SimpleITK as sitk

from LNStationLib.case.case import Case
from LNStationLib.phantom.case import PhantomCase
from LNStationLib.support.errors import OutputError


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


def _write_into(case: Case, folder: Path) -> None:
    facts: dict[str, object] = {"case_id": case.case_id, "synthetic": case.synthetic}
    images = {"ct": case.ct, "pet": case.pet, "nodes": case.nodes, "tumor": case.tumor}
    for name, image in images.items():
        if image is not None:
            facts[name] = f"{name}.nii.gz"
            sitk.WriteImage(image, str(folder / f"{name}.nii.gz"), True)
    if case.pet is not None:
        facts["pet_units"] = "suvbw"
    if case.organ_masks:
        facts["organs"] = "organs"
        (folder / "organs").mkdir()
        for name, mask in case.organ_masks.items():
            sitk.WriteImage(mask, str(folder / "organs" / f"{name}.nii.gz"), True)
    given = ("cancer", "tumor_side", "tumor_site", "sex", "age_years")
    facts |= {name: getattr(case.facts, name) for name in given if getattr(case.facts, name) is not None}
    (folder / "case.json").write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
