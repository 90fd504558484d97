"""CSV tables, row by row as pydantic models; each fault becomes one line that names table, line and column."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError, ValidationInfo

from LNStationLib.support.errors import InputError
from LNStationLib.support.paths import is_there

MAX_LISTED_FAULTS = 20
_LONGEST_FAULT_CHARACTERS = 300
"""A cell that holds a page, as after a quotation mark that is not closed, is not quoted whole."""
_PSEUDONYM = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*")


class TableError(InputError):
    """A table cannot be used; the message lists its faults, one line each, with table, line and column."""


class Row(BaseModel):
    """A row of a table; columns that it does not know are left alone, empty cells are missing cells."""

    model_config = ConfigDict(extra="ignore", frozen=True)


R = TypeVar("R", bound=Row)


def _pseudonym(name: str) -> str:
    if not _PSEUDONYM.fullmatch(name):
        raise ValueError(f"{name!r} cannot name a file: use letters, digits, - and _")
    return name


def _from_folder(path: Path, info: ValidationInfo) -> Path:
    folder: Path = (info.context or {}).get("folder", Path())
    return folder / path


def _existing(path: Path, info: ValidationInfo) -> Path:
    found = _from_folder(path, info)
    if not is_there(found):
        raise ValueError(f"{path.as_posix()} does not exist")
    return found


Pseudonym = Annotated[str, AfterValidator(_pseudonym)]
"""Names a patient or a case, and can name a file."""
TablePath = Annotated[Path, AfterValidator(_from_folder)]
"""A path from the folder of the table, which the validation context holds as ``folder``."""
ExistingPath = Annotated[Path, AfterValidator(_existing)]
"""The same of what must exist."""


def listed(faults: Sequence[str]) -> str:
    """The first faults, one line each, and how many more there are."""
    more = len(faults) - MAX_LISTED_FAULTS
    return "\n".join([*faults[:MAX_LISTED_FAULTS], *([f"... and {more} more"] if more > 0 else [])])


class Faults:
    """Collects the faults of a table by line and column."""

    def __init__(self, table: Path) -> None:
        self.table = table
        self.lines: list[str] = []

    def add(self, line: int, column: str, text: str) -> None:
        """Add a fault of a cell."""
        if len(text) > _LONGEST_FAULT_CHARACTERS:
            text = f"{text[:_LONGEST_FAULT_CHARACTERS]} ..."
        self.lines.append(f"{self.table.name}, line {line}, column {column}: {text}")

    def add_table(self, text: str) -> None:
        """Add a fault of the whole table."""
        self.lines.append(f"{self.table.name}: {text}")

    def raise_if_any(self) -> None:
        """Raise ``TableError`` with all faults."""
        if self.lines:
            raise TableError(listed(self.lines))


def read_rows(table: Path, kind: type[R], faults: Faults, filled: Sequence[str] = ()) -> Iterator[tuple[int, R]]:
    """The rows that can be read, each with its line; faults of the others are collected.

    Args:
        table: The table, in UTF-8.
        kind: Of its rows; its field names, or their aliases, are the columns.
        faults: Collects faults.
        filled: Optional columns that must be there and filled.

    Raises:
        TableError: The file is missing or no such table.
    """
    columns = {field.alias or name: field for name, field in kind.model_fields.items()}
    required = [name for name, field in columns.items() if field.is_required()]
    for line, cells in _cells(table, [*required, *filled], faults):
        for column in (name for name in filled if name not in cells):
            faults.add(line, column, "is empty")
        try:
            yield line, kind.model_validate(cells, context={"folder": table.parent})
        except ValidationError as error:
            for each in error.errors():
                column = str(each["loc"][0])
                faults.add(line, column, fault(each, column not in required))


def columns_of(table: Path) -> list[str]:
    """The names in a table's first line.

    Raises:
        TableError: The file is missing or no such table.
    """
    with _opened(table) as reader:
        return list(reader.fieldnames or ())


def fault(error: Mapping[str, Any], optional: bool) -> str:
    """What is wrong with a cell and what is allowed, from an error of pydantic.

    Args:
        error: One of ``ValidationError.errors()``.
        optional: Whether the column may be empty.
    """
    given, kind = error.get("input"), error["type"]
    if kind == "missing":
        return "is empty"
    if kind == "value_error":
        return str(error["ctx"]["error"])
    if kind == "literal_error":
        allowed = error["ctx"]["expected"].replace("'", "")
        return f"{given!r} is not {allowed}" + ("; leave it empty where unknown" if optional else "")
    if kind in ("int_parsing", "int_from_float"):
        return f"{given!r} is not a whole number"
    return f"{given!r}: {error['msg'][0].lower()}{error['msg'][1:]}"


def _cells(table: Path, required: Sequence[str], faults: Faults) -> Iterator[tuple[int, dict[str, str]]]:
    """Filled cells of every row that has any, with its line number as an editor shows it."""
    with _opened(table) as reader:
        missing = [name for name in required if name not in (reader.fieldnames or ())]
        if missing:
            faults.add_table(f"has no column {', '.join(missing)}")
            return
        for row in reader:
            cells = {key: value.strip() for key, value in row.items() if key is not None and (value or "").strip()}
            if cells:
                yield reader.line_num, cells


@contextmanager
def _opened(table: Path) -> Iterator[csv.DictReader[str]]:
    """A reader of the table; what goes wrong with the file becomes one sentence."""
    try:
        with table.open(newline="", encoding="utf-8-sig") as file:
            yield csv.DictReader(file)
    except OSError as error:
        raise TableError(f"{table} cannot be read: {error.strerror}.") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise TableError(f"{table} is not a CSV table in UTF-8: {error}.") from error
