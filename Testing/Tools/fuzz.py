"""Fuzz test of ``assess``: random views, spacings, axis orders, croppings and damage, each in a process of its own.

The processes are forked from one that has imported what the command needs (Linux and macOS).

    python -m Testing.Tools.fuzz --count 100 --seed 1 --out /tmp/fuzz

Every case must end in a result or in a refusal of one sentence (exit code 2). All else is a defect: another exit
code, a signal, a traceback, no end in time, too much memory. Prints a table; a case runs again with the same seed by
``--seed S --first N --count 1``. Leaves with exit code 1 where there was a defect. Patients are the phantom and what
lies in ``../shared/data``.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import signal
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np
import SimpleITK as sitk

ROOT = Path(__file__).resolve().parents[2]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from Testing.Tools.fuzz_changes import draw_changes  # noqa: E402  (the source tree is put on the path above)

Outcome = Literal["result", "refusal", "DEFECT"]

SHARED = ROOT.parent / "shared" / "data"
REAL = (
    "chest_ct_01/ct.nii.gz",
    "chest_ct_02/ct.nii.gz",
    "not_a_chest/abdomen_and_pelvis.nii.gz",
    "not_a_chest/heart_crop.nii.gz",
)
REAL_SHARE = 0.35
"""Part of the cases that is made from a real CT, where there is one."""
MEMORY_BYTES = 8 * 1024**3
CPU_S = 240
"""Processor time of a case: unlike wall time it does not depend on what else the machine does."""
WALL_S = 1800.0
"""A process that waits for nothing ends by this."""
PHANTOM_SPACING_MM, SMALL_SPACING_MM = (2.0, 2.0, 3.0), (4.0, 4.0, 5.0)
_REFUSED = 2
SIGXCPU, SIGALRM = getattr(signal, "SIGXCPU", 24), getattr(signal, "SIGALRM", 14)


@dataclass(frozen=True)
class Patient:
    """Files that a case starts from.

    Attributes:
        name: In the table.
        ct: CT file.
        organs: Folder of organ masks, or ``None``.
        pet: PET file in SUV, or ``None``.
    """

    name: str
    ct: Path
    organs: Path | None = None
    pet: Path | None = None


@dataclass(frozen=True)
class Ended:
    """How a case ended.

    Attributes:
        number: Of the case under its seed.
        what: Patient and changes, in words.
        outcome: Result, refusal or defect.
        said: The refusal's sentence, the place of the defect, or the stations found.
        seconds: Wall time of the process.
    """

    number: int
    what: str
    outcome: Outcome
    said: str
    seconds: float


def write_phantom(folder: Path, seed: int, spacing_mm: tuple[float, float, float]) -> int:
    """Write the phantom's lung patient to files where there are none; 0."""
    from LNStationLib.phantom import demo_case

    ct, organs, pet = _files(folder)
    if not pet.exists():
        case = demo_case(seed, spacing_mm=spacing_mm)
        organs.mkdir(parents=True, exist_ok=True)
        for name, mask in case.organ_masks.items():
            sitk.WriteImage(mask, str(organs / f"{name}.nii.gz"))
        sitk.WriteImage(case.ct, str(ct))
        sitk.WriteImage(case.pet, str(pet))
    return 0


def phantom_patient(folder: Path, seed: int) -> Patient:
    """The patient of ``write_phantom``."""
    return Patient(f"phantom {seed}", *_files(folder))


def _files(folder: Path) -> tuple[Path, Path, Path]:
    """CT, organs and PET."""
    return folder / "ct.nii.gz", folder / "organs", folder / "pet.nii.gz"


def real_patients() -> list[Patient]:
    """Those of ``../shared/data`` that are there."""
    return [Patient(name.removesuffix(".nii.gz"), SHARED / name) for name in REAL if (SHARED / name).exists()]


def write_case(
    folder: Path, patients: tuple[list[Patient], list[Patient]], seed: int, number: int
) -> tuple[str, list[str]]:
    """Draw one case and write its CT.

    Args:
        folder: Empty folder for it.
        patients: Synthetic ones, and real ones.
        seed: With the number it decides everything.
        number: Of the case.

    Returns:
        What was done in words, and the options of ``assess`` that give the case.
    """
    rng = np.random.default_rng([seed, number])
    synthetic, real = patients
    pool = real if real and rng.random() < REAL_SHARE else synthetic
    patient = pool[int(rng.integers(len(pool)))]
    image = sitk.ReadImage(str(patient.ct))
    words = [patient.name]
    for change in draw_changes(rng):
        try:
            said, image = change(rng, image)
        except RuntimeError as error:  # SimpleITK's: the change does not fit what the earlier ones left.
            said = f"({change.__name__} left out: {type(error).__name__})"
        words.append(said)
    file = folder / f"ct{rng.choice(['.nii.gz', '.nrrd', '.mha'])}"
    sitk.WriteImage(image, str(file))
    options = ["--ct", str(file)]
    if patient.organs is not None and rng.random() < 0.35:
        options += ["--organs", str(patient.organs)]
        words.append("with organ masks")
    if patient.pet is not None and rng.random() < 0.25:
        options += ["--pet", str(patient.pet), "--pet-units", "suvbw"]
        words.append("with PET")
    return "; ".join(words), options


def in_fork(work: Callable[[], int], stderr: Path) -> int:
    """Run work in a fork of this process, with its standard error in a file.

    Nothing but imports may have run here: threads do not survive a fork.

    Returns:
        Its exit code, negative for the signal that ended it.
    """
    child = os.fork()
    if child == 0:
        code = 1
        try:
            _limit()
            descriptor = os.open(stderr, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            os.dup2(descriptor, 2)
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            code = work()
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _limit() -> None:
    """Bound memory, processor time and, for a process that waits for nothing, wall time."""
    import resource

    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S + 10))
    signal.setitimer(signal.ITIMER_REAL, WALL_S)


def _warm_up() -> None:
    """Import what the command imports, which takes as long as a small case."""
    from typer.testing import CliRunner

    from LNStationLib.cli.app import app

    CliRunner().invoke(app, ["assess", "--help"])


def _assess(arguments: list[str]) -> int:
    from LNStationLib.cli.app import main as lnstation

    sys.argv[:] = ["lnstation", "--debug", "assess", *arguments]
    lnstation()
    return 0


def classify(code: int, stderr: str, out: Path) -> tuple[Outcome, str]:
    """How a run ended, from its exit code and from what it wrote.

    Args:
        code: Exit code; negative for a signal.
        stderr: What it wrote to standard error.
        out: Its output folder.
    """
    if code < 0:
        limits = {-SIGXCPU: f"{CPU_S} s of processor time", -SIGALRM: f"{WALL_S:.0f} s"}
        return "DEFECT", f"no end within {limits[code]}" if code in limits else f"signal {-code}"
    if "Traceback (most recent call last)" in stderr or code not in (0, _REFUSED):
        return "DEFECT", place_of(stderr) or f"exit code {code}: {stderr.strip()[-200:]}"
    if code == _REFUSED:
        sentences = [line for line in stderr.splitlines() if line.startswith("Error: ")]
        return ("refusal", sentences[0]) if len(sentences) == 1 else ("DEFECT", f"no sentence: {stderr[-200:]!r}")
    try:
        answer = json.loads((out / "assessment.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        return "DEFECT", f"no assessment: {error}"
    found = [row["station"] for row in answer["stations"] if row["volume_ml"] is not None]
    return "result", f"{len(found)} stations, N {answer['n_category']}, {len(answer['warnings'])} warnings"


def place_of(stderr: str) -> str:
    """Where a traceback ended: file, line and function of the project's last frame, and the error."""
    frames = re.findall(r'File "[^"]*?((?:LNStationLib|Testing)/[^"]+)", line (\d+), in (\S+)', stderr)
    errors = re.findall(r"^(\w[\w.]*(?:Error|Exception|Warning|Interrupt)\b.*)$", stderr, re.MULTILINE)
    if not frames:
        return errors[-1][:200] if errors else ""
    file, line, function = frames[-1]
    return f"{file}:{line} {function}: {errors[-1][:160] if errors else 'error'}"


def run_one(
    number: int,
    seed: int,
    patients: tuple[list[Patient], list[Patient]],
    folder: Path,
    working_spacing_mm: float = 1.5,
) -> Ended:
    """Draw, write and assess one case in a fork; its files stay where it was a defect."""
    work = folder / f"{seed}-{number}"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    told, stderr, out = (work / name for name in ("what.txt", "stderr.txt", "out"))

    def case() -> int:
        what, options = write_case(work, patients, seed, number)
        told.write_text(what, encoding="utf-8")
        return _assess([*options, "--out", str(out), "--overwrite", "--working-spacing", str(working_spacing_mm)])

    start = time.perf_counter()
    code = in_fork(case, stderr)
    outcome, said = classify(code, stderr.read_text(encoding="utf-8", errors="replace"), out)
    what = told.read_text(encoding="utf-8") if told.exists() else "not written"
    if outcome != "DEFECT":
        shutil.rmtree(work, ignore_errors=True)
    return Ended(number, what, outcome, said, time.perf_counter() - start)


def report(rows: list[Ended], seed: int) -> str:
    """The table in Markdown: how cases ended, then every kind of defect with the cases that show it."""
    counts = Counter(row.outcome for row in rows)
    lines = [f"{len(rows)} cases of seed {seed}: " + ", ".join(f"{n} {name}" for name, n in counts.items()), ""]
    lines += ["| case | what | end | said | s |", "| --- | --- | --- | --- | --- |"]
    lines += [f"| {row.number} | {row.what} | {row.outcome} | {row.said} | {row.seconds:.0f} |" for row in rows]
    kinds: dict[str, list[int]] = {}
    for row in rows:
        if row.outcome == "DEFECT":
            kinds.setdefault(row.said, []).append(row.number)
    if kinds:
        lines += ["", "Defects:"]
        lines += [f"- {said} (--seed {seed} --first {', '.join(map(str, n))})" for said, n in kinds.items()]
    return "\n".join(lines)


def _patients(out: Path, small: bool) -> tuple[list[Patient], list[Patient]]:
    """Synthetic patients, written in forks where they are not there yet, and real ones."""
    spacing_mm, seeds = (SMALL_SPACING_MM, (1,)) if small else (PHANTOM_SPACING_MM, (1, 2))
    synthetic = []
    for seed in seeds:
        folder, stderr = out / f"phantom-{seed}", out / "phantom.txt"
        if in_fork(partial(write_phantom, folder, seed, spacing_mm), stderr):
            raise RuntimeError(stderr.read_text(encoding="utf-8"))
        synthetic.append(phantom_patient(folder, seed))
    return synthetic, [] if small else real_patients()


def main() -> int:
    """Run the cases one after the other; 1 where there was a defect."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=100, help="number of cases")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, help="number of the first case")
    parser.add_argument("--out", type=Path, required=True, help="folder for patients and for cases that are defects")
    parser.add_argument("--working-spacing", type=float, default=1.5, help="voxel edge for organs and stations in mm")
    parser.add_argument("--small", action="store_true", help="one synthetic patient in few voxels, and no real ones")
    chosen = parser.parse_args()
    chosen.out.mkdir(parents=True, exist_ok=True)
    patients = _patients(chosen.out, chosen.small)
    _warm_up()
    rows = []
    for number in range(chosen.first, chosen.first + chosen.count):
        row = run_one(number, chosen.seed, patients, chosen.out, chosen.working_spacing)
        print(
            f"{row.number}: {row.outcome} ({row.seconds:.0f} s) {row.what} -> {row.said}", file=sys.stderr, flush=True
        )
        rows.append(row)
    print(report(rows, chosen.seed))
    return int(any(row.outcome == "DEFECT" for row in rows))


if __name__ == "__main__":
    sys.exit(main())
