"""What a machine may lack while a case is assessed: memory, a clock that runs forward, a folder of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from Testing.Faults.kinds import chest
from Testing.Faults.verdicts import ROOT
from Testing.Faults.whole_files import half_files, leftovers
from Testing.Tools.fuzz import classify

MEMORY_MB = (150, 250, 350, 500, 700, 900, 1200, 1600, 2200, 3000)
"""Addresses that a process may have; what a small case takes in the end is the last."""
_LIMIT_S = 600
_CLOCK_BACK = """
import sys, time, datetime
real, started = time.time, time.time()
def back():
    now = real()
    return now - 86400 * (1 + int(now - started))
time.time = back
from LNStationLib.cli.app import main
main()
"""
"""Every second the clock is set back by another day."""


@dataclass(frozen=True)
class Trial:
    """One trial.

    Attributes:
        what: What was lacking.
        outcome: Result, refusal or defect.
        said: The sentence, or the place of the defect.
        problems: Half files and the like.
    """

    what: str
    outcome: str
    said: str
    problems: list[str]


def case_in(folder: Path) -> list[str]:
    """Options of ``assess`` for a small case."""
    folder.mkdir(parents=True, exist_ok=True)
    chest.write_images(folder, ".nii.gz")
    return [
        "assess",
        "--ct",
        str(folder / "ct.nii.gz"),
        "--nodes",
        str(folder / "nodes.nii.gz"),
        "--working-spacing",
        "4",
    ]


def run(arguments: list[str], out: Path, *, megabytes: int | None = None, code: str = "") -> Trial:
    """Run the command in a process of its own."""
    start = ["-c", code] if code else ["-m", "LNStationLib"]
    command = [sys.executable, *start, *arguments, "--out", str(out), "--overwrite"]
    if megabytes is not None:
        command = ["bash", "-c", f'ulimit -v {megabytes * 1024}; exec "$@"', "bash", *command]
    variables = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        command, env=variables, capture_output=True, text=True, errors="replace", timeout=_LIMIT_S, check=False
    )
    outcome, said = classify(done.returncode, done.stderr, out)
    problems = [*half_files(out), *leftovers(out)] if out.is_dir() else []
    return Trial(" ".join(command[:1]), outcome, said, problems)


def trials(folder: Path) -> Iterator[Trial]:
    """Memory limits, a clock that is set back, and two runs into one folder."""
    arguments = case_in(folder / "case")
    for megabytes in MEMORY_MB:
        ended = run(arguments, folder / f"memory-{megabytes}", megabytes=megabytes)
        yield Trial(f"{megabytes} MB of addresses", ended.outcome, ended.said, ended.problems)
    ended = run(arguments, folder / "clock", code=_CLOCK_BACK)
    yield Trial(
        "clock set back by a day each second", ended.outcome, ended.said, [*ended.problems, *_times(folder / "clock")]
    )
    yield from _two_at_once(arguments, folder / "shared")


def _times(out: Path) -> list[str]:
    """What is wrong with the times of an assessment."""
    content = json.loads((out / "assessment.json").read_text(encoding="utf-8"))
    datetime.fromisoformat(content["created"])
    negative = [row["step"] for row in content["provenance"] if (row["seconds"] or 0) < 0]
    return [f"{step} took less than no time" for step in negative]


def _two_at_once(arguments: list[str], out: Path) -> Iterator[Trial]:
    command = [sys.executable, "-m", "LNStationLib", *arguments, "--out", str(out), "--overwrite"]
    variables = {**os.environ, "PYTHONPATH": str(ROOT)}
    both = []
    for _ in range(2):
        both.append(
            subprocess.Popen(command, env=variables, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        )
        time.sleep(_APART_S)
    for number, process in enumerate(both):
        _, stderr = process.communicate(timeout=_LIMIT_S)
        outcome, said = classify(process.returncode, stderr, out)
        problems = [*half_files(out), *leftovers(out)] if number else []
        yield Trial(f"two runs into one folder, run {number + 1}", outcome, said, problems)


_APART_S = 0.2
"""Both write at about the same time."""


def table(found: list[Trial]) -> str:
    """The table in Markdown."""
    lines = ["| lacking | end | said | half files, leftovers |", "| --- | --- | --- | --- |"]
    lines += [
        f"| {one.what} | {one.outcome} | {one.said[:160]} | {'; '.join(one.problems) or 'none'} |" for one in found
    ]
    return "\n".join(lines)
