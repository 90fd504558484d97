"""The YAML files of an experiment: its rows and tables, and how much is spent on them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from lnstation_training.engine.yaml_text import parse_yaml
from LNStationLib.support.errors import InputError
from LNStationLib.support.sentences import on_one_line

ROWS_FILE = "rows.yaml"
BACKBONE = "backbone-file"
"""In place of a row to start from: the weights of a backbone, which the user gives."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Row(_Strict):
    """One row: a title and what it changes of the module's and the data module's arguments.

    Attributes:
        start_from: Row whose weights of the same fold this one starts from, not the setting's; ``BACKBONE`` for
            a file.
        stage: Of training, such as the second of two; a setting may have arguments of its own for it.
        task: Of the row where it is not the experiment's; both read the same prepared data and are evaluated alike.
    """

    title: str
    model: dict[str, Any]
    data: dict[str, Any] = Field(default_factory=dict)
    start_from: str | None = None
    stage: str = ""
    task: str | None = None


class TableLine(_Strict):
    """One line of a table: a row, or several over different samples pooled."""

    rows: list[str] = Field(min_length=1)
    title: str | None = None


class TableSpec(_Strict):
    """A table that is drawn from results."""

    title: str
    kind: str = Field(description="One of those that the task can draw.")
    lines: list[TableLine]
    reference: str | None = Field(None, description="Row that the others are compared with.")


class Rows(_Strict):
    """``rows.yaml``: rows and tables of one paper."""

    title: str
    task: str | None = Field(None, description="Name of the task; the default one where it is not given.")
    rows: dict[str, Row]
    tables: list[TableSpec]


class Stage(_Strict):
    """Arguments of the module, the data module and the trainer for all rows of one stage of training."""

    model: dict[str, Any] = Field(default_factory=dict)
    data: dict[str, Any] = Field(default_factory=dict)
    trainer: dict[str, Any] = Field(default_factory=dict)


class Setting(_Strict):
    """One of the YAML files beside ``rows.yaml``: how much is spent.

    Attributes:
        title: In a few words, for tables.
        region: Geometry of the samples that ``prepare`` must have made, in the fields of the task's geometry.
        folds: Folds that are run.
        seed: Of every training.
        model: Arguments of the Lightning module for all rows.
        data: Arguments of the data module for all rows.
        trainer: Arguments of the trainer for all rows.
        network_arguments: By network name, for all rows that use it.
        rows: Rows run where the user names none.
        stages: By name, what the rows of a stage have in place of ``model``, ``data`` and ``trainer``.
        keep: Which epoch's weights count: the best on validation data, or the last.
        start_from: By network name, the row whose weights of the same fold all rows of that network start from; it is
            run first.
    """

    title: str
    region: dict[str, Any]
    folds: list[int] = Field(min_length=1)
    seed: int = 0
    model: dict[str, Any] = Field(default_factory=dict)
    data: dict[str, Any] = Field(default_factory=dict)
    trainer: dict[str, Any]
    network_arguments: dict[str, dict[str, Any]] = Field(default_factory=dict)
    rows: list[str]
    stages: dict[str, Stage] = Field(default_factory=dict)
    start_from: dict[str, str] = Field(default_factory=dict)
    keep: Literal["best", "last"] = "best"


def read_rows(folder: Path) -> Rows:
    """Read and check ``rows.yaml``.

    Raises:
        InputError: It cannot be read, or is faulty.
    """
    rows: Rows = _read_yaml(folder / ROWS_FILE, Rows)
    for name, row in rows.rows.items():
        if row.start_from not in (None, BACKBONE, *rows.rows):
            raise InputError(f"{folder / ROWS_FILE}: row {name} starts from the unknown row {row.start_from}.")
    for table in rows.tables:
        named = [name for line in table.lines for name in line.rows] + ([table.reference] if table.reference else [])
        unknown = [name for name in named if name not in rows.rows]
        if unknown:
            raise InputError(f"{folder / ROWS_FILE}: table {table.title!r} names unknown rows {', '.join(unknown)}.")
    return rows


def read_setting(folder: Path, name: str) -> Setting:
    """Read and check a setting.

    Raises:
        InputError: There is none of that name, or it is faulty.
    """
    path = folder / f"{name}.yaml"
    if not path.exists() or name == "rows":
        known = sorted(each.stem for each in folder.glob("*.yaml") if each.name != ROWS_FILE)
        raise InputError(f"{folder} has no setting {name!r}; it has {', '.join(known) or 'none'}.")
    return _read_yaml(path, Setting)


def setting_geometry(setting: Setting, kind: type[BaseModel]) -> BaseModel:
    """Geometry of a setting's samples, as the task has it.

    Args:
        setting: Of an experiment.
        kind: The task's ``geometry``.

    Raises:
        InputError: It is not such a geometry.
    """
    try:
        return kind.model_validate(setting.region)
    except ValidationError as error:
        raise InputError(f"Setting {setting.title!r}: {first_fault(error, 'region')}.") from error


def first_fault(error: ValidationError, whole: str = "the whole file") -> str:
    """Where the first fault of a file lies, and what it is."""
    first = error.errors()[0]
    return f"{'.'.join(map(str, first['loc'])) or whole}: {first['msg']}"


def _read_yaml(path: Path, kind: type[Any]) -> Any:
    try:
        return kind.model_validate(parse_yaml(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.") from error
    except ValidationError as error:
        raise InputError(f"{path}: {first_fault(error)}.") from error
    except yaml.YAMLError as error:
        raise InputError(f"{path} is not a YAML file: {on_one_line(error)}.") from error
