"""The short form of fault injection over inputs, and that the tool sees what it is there for."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from Testing.Faults import draws

if not hasattr(os, "fork"):
    pytest.skip("fault injection forks", allow_module_level=True)

ROOT = Path(__file__).resolve().parents[3]
SHORT = 36
"""Inputs; the long form is ``python -m Testing.Faults inputs``."""
QUICK = ("nifti", "nrrd", "dicom", "case-json", "table")
"""Kinds that are read within a second of starting; packages import torch, the others assess a case."""


def test_changed_inputs_end_in_a_result_or_in_one_sentence(tmp_path: Path) -> None:
    """In a process of its own: this one has threads, which do not survive forks."""
    command = [sys.executable, "-m", "Testing.Faults", "inputs", "--count", str(SHORT), "--out", str(tmp_path)]
    command += [part for kind in QUICK for part in ("--kind", kind)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    rows = [line.split("|") for line in done.stdout.splitlines() if line.startswith("| ")]
    assert sum(int(row[2]) for row in rows[2:-1]) == SHORT
    assert sum(int(row[3]) for row in rows[2:-1]) > 3, "hardly an input is good enough to be taken"


class Naughty:
    """Reads by doing what its input says."""

    name = "naughty"
    title = "naughty"
    limit_s = 0.3
    refusals = ()

    def warm_up(self) -> None: ...

    def prepare(self, originals: Path) -> None: ...

    def write(self, rng: np.random.Generator, originals: Path, folder: Path) -> str:
        return ""

    def read(self, folder: Path, out: Path) -> str:
        number = int(folder.parent.name.split("-")[1])
        return str(self.deeds(folder)[number]())

    def deeds(self, folder: Path) -> list[Any]:
        def hang() -> None:
            while True:
                pass

        return [
            lambda: "fine",
            hang,
            lambda: os.kill(os.getpid(), signal.SIGSEGV),
            lambda: (folder.parents[1] / "elsewhere").write_text("x"),
            lambda: pickle.loads(pickle.dumps(1)),
            lambda: 1 / 0,
            lambda: np.empty(1 << 50),
            lambda: print("SECRET"),
            lambda: (folder.parent / "tmp" / "left").write_text("x"),
        ]


def naughty(folder: str) -> None:
    """Run in a process of its own by the test below."""
    from Testing.Faults.warm_process import run_inputs

    print([one.outcome for one in run_inputs(Naughty(), range(9), Path(folder))])


def test_everything_that_a_reader_must_not_do_is_seen(tmp_path: Path) -> None:
    code = "import sys; sys.path[:0] = ['Testing/Python/faults']; import test_inputs as t; t.naughty(sys.argv[1])"
    command = [sys.executable, "-c", code, str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=300)
    expected = [
        "accepted",
        "hang",
        "crash",
        "wrote outside",
        "pickle",
        "traceback",
        "memory",
        "noise",
        "wrote outside",
    ]
    assert done.stdout.strip() == str(expected), done.stderr


def test_a_seed_makes_the_same_input_again() -> None:
    content = {"a": [1, 2, {"b": "c"}], "d": None}
    for seed in range(20):
        texts = []
        for _ in range(2):
            rng = np.random.default_rng(seed)
            texts.append(
                (draws.json_text(rng, draws.damage_json(rng, content)[1]), draws.damage_bytes(rng, b"x" * 99))
            )
        assert texts[0] == texts[1]
    assert content == {"a": [1, 2, {"b": "c"}], "d": None}, "what was given stays as it is"
