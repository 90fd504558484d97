"""Cohort tables: patients, pathology and nodes."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np

from lnstation_training.cohorts.errors import CohortError
from lnstation_training.cohorts.splits import make_splits
from lnstation_training.cohorts.tables import read_cohort
from Testing.Faults.draws import TEXTS, damage_bytes, number, pick

_CT = "ct.nii"
_N = ("N0", "N3", "N3")
"""What follows from the positive stations below."""
TABLES: dict[str, list[list[str]]] = {
    "patients.csv": [
        ["patient", "ct", "pet", "pet_units", "stations", "organs", "tumor", "nodes", "tumor_side", "n_category"],
        *([f"P{i:02d}", _CT, _CT, "suvbw", _CT, ".", _CT, _CT, "LR"[i % 2], _N[i % 3]] for i in range(8)),
    ],
    "pathology.csv": [
        ["patient", "station", "nodes_taken", "nodes_positive"],
        *([f"P{i:02d}", station, "3", str(i % 3)] for i in range(8) for station in ("4R", "7", "10L")),
    ],
    "node_pathology.csv": [
        ["patient", "node", "metastatic", "station", "significant"],
        *([f"P{i:02d}", str(node), str(node % 2), "7", "1"] for i in range(8) for node in (1, 2, 3)),
    ],
}  # fmt: skip


_WAYS = ("cell", "cell", "cell", "number", "line twice", "line gone", "short", "long", "column twice")


class Table:
    """The three tables of a cohort."""

    name = "table"
    title = "cohort table"
    limit_s = 10.0
    refusals = (CohortError,)

    def warm_up(self) -> None:
        """Nothing more than this file imports."""

    def prepare(self, originals: Path) -> None:
        """The tables themselves are the originals."""
        originals.joinpath("ct.nii").write_bytes(b"")

    def write(self, rng: np.random.Generator, originals: Path, folder: Path) -> str:
        """Change cells, lines or bytes of one table."""
        (folder / "ct.nii").write_bytes(b"")
        changed, said = pick(rng, list(TABLES)), ""
        for name, rows in TABLES.items():
            raw = _text([list(row) for row in rows])
            if name == changed:
                said, raw = _changed(rng, [list(row) for row in rows])
            (folder / name).write_bytes(raw)
        return f"{changed}: {said}"

    def read(self, folder: Path, out: Path) -> str:
        """Read and divide into folds."""
        patients = read_cohort(*(folder / name for name in TABLES))
        positive = {one.patient: sum(bool(found.positive) for found in one.dissections.values()) for one in patients}
        return f"{len(patients)} patients, {len(make_splits(positive, 3, 1).folds)} folds"


def _changed(rng: np.random.Generator, rows: list[list[str]]) -> tuple[str, bytes]:
    words = []
    for _ in range(int(rng.integers(1, 4))):
        line, column = int(rng.integers(len(rows))), int(rng.integers(max(1, len(rows[0]))))
        way = pick(rng, _WAYS)
        words.append(f"{way} at {line}, {column}")
        _change(rng, rows, line, column, way)
    raw = _text(rows)
    if rng.random() < 0.2:
        encoding = pick(rng, ("utf-16", "latin-1", "utf-8-sig"))
        return "; ".join([*words, encoding]), raw.decode("utf-8", "replace").encode(encoding, "replace")
    if rng.random() < 0.25:
        said, raw = damage_bytes(rng, raw)
        words.append(said)
    return "; ".join(words), raw


def _change(rng: np.random.Generator, rows: list[list[str]], line: int, column: int, way: str) -> None:
    if way == "line twice":
        rows.insert(line, list(rows[line]))
    elif way == "line gone" and len(rows) > 1:
        del rows[line]
    elif way == "short":
        rows[line] = rows[line][:column]
    elif way == "long":
        rows[line] = [*rows[line], "more", "x" * int(pick(rng, (1, 200_000)))]
    elif way == "column twice":
        rows[0][column : column + 1] = rows[0][:1] or ["patient"]
    elif column < len(rows[line]):
        rows[line][column] = pick(rng, TEXTS) if way == "cell" else f"{number(rng):g}"


def _text(rows: list[list[str]]) -> bytes:
    out = io.StringIO()
    csv.writer(out).writerows(rows)
    return out.getvalue().encode("utf-8", "replace")
