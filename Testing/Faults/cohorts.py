"""A cohort of many small patients of which some are broken: the others must come out, and those be named."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from Testing.Faults.kinds import chest
from Testing.Faults.verdicts import ROOT


@dataclass(frozen=True)
class Outcome:
    """What a batch made of a cohort.

    Attributes:
        patients: In the cohort.
        broken: Those of them that cannot be read, by name.
        done: With a result.
        named: In the table of failures.
        seconds: Of the batch.
    """

    patients: int
    broken: tuple[str, ...]
    done: tuple[str, ...]
    named: tuple[str, ...]
    seconds: float

    @property
    def right(self) -> bool:
        """Whether exactly the broken ones were left out, each of them named."""
        return set(self.named) == set(self.broken) and len(self.done) + len(self.broken) == self.patients


def write_cohort(folder: Path, patients: int, broken: float, seed: int) -> tuple[str, ...]:
    """Case folders of the drawn chest with noise of their own; names of those that were broken."""
    rng, ct = np.random.default_rng(seed), chest.chest_ct()
    hu = sitk.GetArrayFromImage(ct).astype(np.float32)
    bad = {int(number) for number in rng.permutation(patients)[: round(patients * broken)]}
    for number in range(patients):
        place = folder / f"p{number:04d}"
        place.mkdir(parents=True)
        image = sitk.GetImageFromArray(np.rint(hu + rng.normal(0, 8, hu.shape)).astype(np.int16))
        image.CopyInformation(ct)
        sitk.WriteImage(image, str(place / "ct.nii.gz"), True)
        if number in bad:
            _break(place / "ct.nii.gz", rng)
    return tuple(f"p{number:04d}" for number in sorted(bad))


def _break(path: Path, rng: np.random.Generator) -> None:
    """What archives hold: files that end early, are empty, or are something else."""
    raw = path.read_bytes()
    pieces: Sequence[bytes] = (
        raw[: len(raw) // 2],
        b"",
        b"<html>moved</html>",
        raw[:100] + rng.bytes(200) + raw[300:],
    )
    path.write_bytes(pieces[int(rng.integers(len(pieces)))])


def run_batch(cases: Path, out: Path, workers: int) -> float:
    """The command of the user; seconds."""
    command = [sys.executable, "-m", "LNStationLib", "batch", "--cases", str(cases), "--out", str(out)]
    command += ["--workers", str(workers), "--working-spacing", "4", "--formats", "json"]
    start = time.perf_counter()
    done = subprocess.run(
        command,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if "Traceback" in done.stderr or not (out / "cases.csv").exists():
        raise RuntimeError(done.stderr[-2000:])
    return time.perf_counter() - start


def broken_cohort(folder: Path, patients: int, broken: float, seed: int, workers: int) -> Outcome:
    """Make the cohort, run the batch, read its tables."""
    bad = write_cohort(folder / "cases", patients, broken, seed)
    seconds = run_batch(folder / "cases", folder / "out", workers)
    named, done = (_column(folder / "out" / name) for name in ("failures.csv", "cases.csv"))
    return Outcome(patients, bad, tuple(name for name in done if name not in named), named, seconds)


def _column(table: Path) -> tuple[str, ...]:
    with table.open(newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    return tuple(row[0] for row in rows[1:])
