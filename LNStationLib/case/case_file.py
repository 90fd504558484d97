"""``case.json`` and the well-known names of a case folder, to a request."""

from __future__ import annotations

import difflib
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from LNStationLib.case.case import Cancer
from LNStationLib.case.request import CaseRequest
from LNStationLib.imaging.reading import IMAGE_SUFFIXES
from LNStationLib.imaging.suv import PetDose, PetUnits
from LNStationLib.support.errors import InputError
from LNStationLib.support.json_text import parse_json
from LNStationLib.support.paths import is_there
from LNStationLib.support.sentences import quoted
from LNStationLib.support.types import Side

CASE_FILE = "case.json"


class CaseFile(BaseModel):
    """What ``case.json`` may hold. Paths are relative to the case folder and stay inside it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    case_id: str | None = Field(None, min_length=1, description="Name for the report; by default the folder's.")
    ct: str | None = Field(None, description="Image file or DICOM folder.")
    pet: str | None = Field(None, description="Image file or DICOM folder.")
    pet_units: PetUnits | None = Field(None, description="Needed for a PET that is no DICOM series.")
    pet_tracer: str | None = Field(None, description="Tracer of a PET whose headers do not say it, such as fdg.")
    pet_dose: PetDose | None = Field(None, description="Needed for Bq/ml without DICOM headers.")
    organs: str | None = Field(None, description="Folder of masks, or a label map with names.")
    nodes: str | None = Field(None, description="Mask, instance map, or folder of masks.")
    tumor: str | None = Field(None, description="Mask of the primary tumor.")
    cancer: Cancer | None = Field(None, description="Primary cancer.")
    tumor_side: Side | None = Field(None, description="The patient's side of a lung tumor.")
    tumor_site: str | None = Field(None, max_length=200, description="Free words.")
    sex: Literal["F", "M", "O"] | None = None
    age_years: int | None = Field(None, ge=0, le=130)
    synthetic: bool = Field(False, description="Made by the phantom; every output then says so.")


def has_case(folder: Path) -> bool:
    """Whether a folder is a case folder, and not a part of an archive.

    It holds ``case.json``, or an image file with the CT under its well-known name, or a DICOM folder ``ct`` beside
    masks: without those, folders named ``ct`` stand in many archives too.
    """
    names = {entry.name.lower() for entry in folder.iterdir()}
    if names & {CASE_FILE, *("ct" + suffix for suffix in IMAGE_SUFFIXES)}:
        return True
    masks = {field + suffix for field in ("organs", "nodes", "tumor") for suffix in ("", *IMAGE_SUFFIXES)}
    return (folder / "ct").is_dir() and bool(names & masks)


def request_from_folder(folder: Path) -> CaseRequest:
    """Read a case folder.

    A path that ``case.json`` does not name is looked for under its well-known name (``ct.nii.gz``, ``organs/``,
    ...); ``null`` in ``case.json`` keeps a well-known file out.

    Args:
        folder: The case folder, with or without ``case.json``.

    Raises:
        InputError: No such folder, no CT in it, a faulty ``case.json``, or a path that leaves the folder.
    """
    if not folder.is_dir():
        raise InputError(f"case folder: there is no folder {folder}; check the path.")
    case = read_case_file(folder / CASE_FILE) if (folder / CASE_FILE).exists() else CaseFile()
    ct = _path(folder, case, "ct")
    if ct is None:
        raise InputError(
            f"case folder {folder}: no CT was found; name it ct.nii.gz (or ct.nrrd, ct.mha, a DICOM folder ct) or "
            "say "
            f'"ct" in {CASE_FILE}.'
        )
    return CaseRequest(
        ct=ct,
        pet=_path(folder, case, "pet"),
        pet_units=case.pet_units,
        pet_tracer=case.pet_tracer,
        pet_dose=case.pet_dose,
        organs=_path(folder, case, "organs"),
        nodes=_path(folder, case, "nodes"),
        tumor=_path(folder, case, "tumor"),
        cancer=case.cancer,
        tumor_side=case.tumor_side,
        tumor_site=case.tumor_site,
        case_id=case.case_id or folder.resolve().name,
        sex=case.sex,
        age_years=case.age_years,
        synthetic=case.synthetic,
    )


def read_case_file(path: Path) -> CaseFile:
    """Read and check ``case.json``.

    Raises:
        InputError: It is no JSON object, or a field is unknown or has a value that is not allowed.
    """
    try:
        content = parse_json(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path.name}: cannot be read as JSON ({error}); correct it.") from error
    if not isinstance(content, dict):
        raise InputError(f'{path.name}: must be one object such as {{"ct": "ct.nii.gz"}}.')
    try:
        return CaseFile.model_validate(content)
    except ValidationError as error:
        raise InputError(f"{path.name}: {'; '.join(_problem(item) for item in error.errors())}.") from error


def inside_folder(folder: Path, relative: str, field: str) -> Path:
    """Path of a file that ``case.json`` names, after links have been followed.

    Raises:
        InputError: It is absolute, leaves the folder (also by a symbolic link), or does not exist.
    """
    pure = PurePosixPath(relative.replace("\\", "/"))
    if pure.is_absolute() or PureWindowsPath(relative).anchor or ".." in pure.parts or not relative.strip():
        raise InputError(
            f"{CASE_FILE}: {field} is '{quoted(relative)}'; give a path relative to the case folder and inside it."
        )
    path = folder / pure
    if not is_there(path):
        raise InputError(
            f"{CASE_FILE}: {field} names '{quoted(relative)}', which is not in the case folder; correct it."
        )
    _check_inside(folder, path, field)
    return path


def _path(folder: Path, case: CaseFile, field: str) -> Path | None:
    if field in case.model_fields_set:
        relative = getattr(case, field)
        return None if relative is None else inside_folder(folder, relative, field)
    path = _well_known(folder, field)
    if path is not None:
        _check_inside(folder, path, field)
    return path


def _well_known(folder: Path, field: str) -> Path | None:
    wanted = [field, *(field + suffix for suffix in IMAGE_SUFFIXES)]
    found = sorted(path for path in folder.iterdir() if path.name.lower() in wanted)
    found = [path for path in found if path.is_dir() or path.name.lower() != field]
    if len(found) > 1:
        names = " and ".join(path.name for path in found)
        raise InputError(f"case folder: both {names} are there; say in {CASE_FILE} which is {field!r}.")
    return found[0] if found else None


def _check_inside(folder: Path, path: Path, field: str) -> None:
    root = folder.resolve()
    for part in [path, *(path.rglob("*") if path.is_dir() else ())]:
        if not _leads_inside(part, root):
            raise InputError(
                f"case folder: {field} ({part.name}) is a link that leaves the case folder; copy the file into it."
            )


def _leads_inside(path: Path, root: Path) -> bool:
    """Whether a path lies in the folder after links have been followed; links in a circle lead nowhere."""
    try:
        return path.resolve().is_relative_to(root)
    except (RuntimeError, OSError):  # The first until Python 3.12, the second from 3.13 on.
        return False


def _problem(error: object) -> str:
    details = dict(error)  # type: ignore[call-overload]
    field = quoted(".".join(str(part) for part in details["loc"]))
    if details["type"] != "extra_forbidden":
        message = details["msg"]
        return f"{field}: {message[0].lower()}{quoted(message[1:])}"
    fields = (PetDose if field.startswith("pet_dose.") else CaseFile).model_fields
    close = difflib.get_close_matches(field.rpartition(".")[2], fields, n=1)
    hint = f"did you mean {close[0]!r}?" if close else f"allowed are {', '.join(fields)}"
    return f"unknown field {field!r} ({hint})"
