"""Fuzz test of ``assess``: random views, spacings, axis orders, croppings and damage, each in a process of its own.

    python -m Testing.Tools.fuzz --count 100 --seed 1 --out /tmp/fuzz

Every case must end in a result or in a refusal of one sentence (exit code 2). All else is a defect: another exit
code, a signal, a traceback, no end in time, too much memory. Prints a table; a case runs again with the same seed by
``--seed S --first N --count 1``. Leaves with exit code 1 where there was a defect. Patients are the phantom and what
lies in ``../shared/data``.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
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
PHANTOM_SPACING_MM = (2.0, 2.0, 3.0)
_REFUSED = 2
SIGXCPU = getattr(signal, "SIGXCPU", 24)


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


def phantom_patient(folder: Path, seed: int = 1, spacing_mm: tuple[float, float, float] | None = None) -> Patient:
    """The phantom's lung patient written to files, made once a folder."""
    from LNStationLib.phantom import demo_case

    ct, organs, pet = folder / "ct.nii.gz", folder / "organs", folder / "pet.nii.gz"
    if not pet.exists():
        case = demo_case(seed, spacing_mm=spacing_mm or PHANTOM_SPACING_MM)
        organs.mkdir(parents=True, exist_ok=True)
        for name, mask in case.organ_masks.items():
            sitk.WriteImage(mask, str(organs / f"{name}.nii.gz"))
        sitk.WriteImage(case.ct, str(ct))
        sitk.WriteImage(case.pet, str(pet))
    return Patient(f"phantom {seed}", ct, organs, pet)


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


def run_case(options: list[str], out: Path, working_spacing_mm: float) -> tuple[Outcome, str]:
    """Assess in a process of its own and say how it ended; what it wrote to standard error stays beside ``out``."""
    command = [sys.executable, "-m", "LNStationLib", "--debug", "assess", *options, "--out", str(out), "--overwrite"]
    command += ["--working-spacing", str(working_spacing_mm)]
    try:
        done = subprocess.run(
            command,
            cwd=ROOT,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=WALL_S,
            check=False,
            preexec_fn=_limits(),
        )
    except subprocess.TimeoutExpired:
        return "DEFECT", f"no end within {WALL_S:.0f} s"
    (out.parent / "stderr.txt").write_text(done.stderr, encoding="utf-8")
    return classify(done.returncode, done.stderr, out)


def _limits() -> Callable[[], None] | None:
    """What limits memory and processor time of a process before it starts; ``None`` on systems that cannot."""
    try:
        import resource
    except ImportError:
        return None

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
        resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S + 10))

    return limit


def classify(code: int, stderr: str, out: Path) -> tuple[Outcome, str]:
    """How a run ended, from its exit code and from what it wrote.

    Args:
        code: Exit code; negative for a signal.
        stderr: What it wrote to standard error.
        out: Its output folder.
    """
    if code < 0:
        return "DEFECT", f"no end within {CPU_S} s of processor time" if code == -SIGXCPU else f"signal {-code}"
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
    """Draw, write and assess one case; its files stay where it was a defect."""
    work = folder / f"{seed}-{number}"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    what, options = write_case(work, patients, seed, number)
    start = time.perf_counter()
    outcome, said = run_case(options, work / "out", working_spacing_mm)
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


def main() -> int:
    """Run the cases one after the other; 1 where there was a defect."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=100, help="number of cases")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, help="number of the first case")
    parser.add_argument("--out", type=Path, required=True, help="folder for patients and for cases that are defects")
    parser.add_argument("--working-spacing", type=float, default=1.5, help="voxel edge for organs and stations in mm")
    chosen = parser.parse_args()
    patients = [phantom_patient(chosen.out / f"phantom-{seed}", seed) for seed in (1, 2)], real_patients()
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
