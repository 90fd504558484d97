"""Which cases a batch has: the rows of a table, the case folders of a folder, or the studies of a DICOM root."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from LNStationLib.batch.sources import FileSource, Source
from LNStationLib.case.case import Cancer
from LNStationLib.case.case_file import has_case, request_from_folder
from LNStationLib.case.check import safe_name
from LNStationLib.case.request import CaseRequest
from LNStationLib.imaging.suv import PetUnits
from LNStationLib.support.csv_rows import Faults, Pseudonym, Row, TablePath, columns_of, read_rows
from LNStationLib.support.errors import InputError
from LNStationLib.support.types import Side

MAX_ID_LENGTH = 64
"""As of every case: the id becomes part of file names."""
_ID_COLUMNS = ("case", "case_id", "patient")
_MAX_LISTED = 8


@dataclass(frozen=True)
class ListedCase:
    """A case of a batch.

    Attributes:
        case_id: Unique, also where upper and lower case are the same; names its folder.
        source: Where it comes from; ``None`` where that is already known to be useless.
        problem: Why, in one sentence.
    """

    case_id: str
    source: Source | None
    problem: str = ""


def _unchanged_as_name(name: str) -> str:
    if safe_name(name) != name:
        allowed = f"use at most {MAX_ID_LENGTH} letters and digits, and . - _ between them"
        raise ValueError(f"{name!r} cannot name a case: {allowed}")
    return name


CaseId = Annotated[Pseudonym, AfterValidator(_unchanged_as_name)]


class CaseRow(Row):
    """A row of a table of cases: paths, from the folder of the table, and facts as of a case folder."""

    case: CaseId
    ct: TablePath
    pet: TablePath | None = None
    pet_units: PetUnits | None = None
    pet_tracer: str | None = None
    organs: TablePath | None = None
    nodes: TablePath | None = None
    tumor: TablePath | None = None
    cancer: Cancer | None = None
    tumor_side: Side | None = None
    tumor_site: Annotated[str, Field(max_length=200)] | None = None
    sex: Literal["F", "M", "O"] | None = None
    age_years: Annotated[int, Field(ge=0, le=130)] | None = None
    synthetic: bool = False


class _PatientRow(CaseRow):
    case: CaseId = Field(alias="patient")


class _CaseIdRow(CaseRow):
    case: CaseId = Field(alias="case_id")


_ROW_OF: dict[str, type[CaseRow]] = {"case": CaseRow, "case_id": _CaseIdRow, "patient": _PatientRow}


def cases_of_table(table: Path) -> list[ListedCase]:
    """The cases of a CSV table, in its order. A file that is missing is the case's own fault, found when it is read.

    Raises:
        TableError: The table is missing or faulty; all faults are listed.
    """
    named = [name for name in _ID_COLUMNS if name in columns_of(table)]
    faults, found = Faults(table), dict[str, ListedCase]()
    if len(named) != 1:
        faults.add_table(f"needs one column that names the cases, {', '.join(_ID_COLUMNS)}, and has {len(named)}")
    for line, row in read_rows(table, _ROW_OF[named[0]], faults) if len(named) == 1 else ():
        if row.case.casefold() in found:
            faults.add(line, named[0], f"{row.case} is already in the table")
        found[row.case.casefold()] = ListedCase(row.case, FileSource(_request(row)))
    if not found and not faults.lines:
        faults.add_table("has no cases")
    faults.raise_if_any()
    return list(found.values())


def unused_columns(table: Path) -> list[str]:
    """Columns that no case takes anything from."""
    return [name for name in columns_of(table) if name not in {*CaseRow.model_fields, *_ID_COLUMNS}]


def _request(row: CaseRow) -> CaseRequest:
    given = row.model_dump()
    return CaseRequest(case_id=given.pop("case"), **given)


def cases_of_folder(root: Path) -> list[ListedCase]:
    """The case folders in a folder, at any depth, by their paths; the folder itself where it is one."""
    folders = list(_case_folders(root))
    # Where all lie in one folder of a cohort, that says nothing of any of them.
    common = Path(os.path.commonpath(folders)) if len(folders) > 1 else root
    cases = [_case_of(folder, safe_name(_relative_name(common, folder))) for folder in folders]
    counted = Counter(case.case_id.casefold() for case in cases)
    twice = [case.case_id for case in cases if counted[case.case_id.casefold()] > 1]
    if twice:
        listed = ", ".join(dict.fromkeys(twice[:_MAX_LISTED]))
        raise InputError(f"several case folders would have the same name ({listed}): rename them, or give a table.")
    return cases


def _relative_name(root: Path, folder: Path) -> str:
    parts = folder.relative_to(root).parts
    return "_".join(parts) if parts else root.resolve().name


def _case_folders(folder: Path) -> Iterator[Path]:
    if has_case(folder):
        yield folder
        return
    for entry in sorted(folder.iterdir()):
        if entry.is_dir() and not entry.name.startswith(".") and not entry.is_symlink():
            yield from _case_folders(entry)


def _case_of(folder: Path, case_id: str) -> ListedCase:
    try:
        return ListedCase(case_id, FileSource(replace(request_from_folder(folder), case_id=case_id)))
    except InputError as error:
        return ListedCase(case_id, None, str(error).replace(f" {folder}", ""))


def check_ids(cases: Sequence[ListedCase]) -> None:
    """Make sure of what folders are named after.

    Raises:
        ValueError: An id is no name of a file, or stands twice.
    """
    ids = [case.case_id.casefold() for case in cases]
    if len(set(ids)) < len(ids) or any(safe_name(case.case_id) != case.case_id for case in cases):
        raise ValueError("ids of cases must be unique names of files")
