"""The worked example of Training/README.md, command by command as it stands there, with fewer patients and epochs."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="the 'networks' packages are not installed")
pytest.importorskip("lightning", reason="the 'training' packages are not installed")

ROOT = Path(__file__).resolve().parents[3]
SMALLER = (
    ("--patients 15 ", "--patients 6 "),
    ("--slice-mm 2.5", "--slice-mm 5"),
    ("--trainer.max_epochs 3", "--trainer.max_epochs 1"),
)


def commands() -> list[list[str]]:
    """What the page tells to paste, made smaller and run by this interpreter."""
    page = (ROOT / "Training" / "README.md").read_text(encoding="utf-8")
    found = re.search(r"## Worked example.*?```bash\n(.*?)```", page, re.DOTALL)
    assert found is not None
    text = found[1].replace("\\\n", " ").replace(" Training/", f" {ROOT.as_posix()}/Training/")
    for wanted, smaller in SMALLER:
        assert wanted in text
        text = text.replace(wanted, smaller)
    programs = {"train": ["lnstation_training"], "assess": ["LNStationLib", "assess"]}
    lines = [shlex.split(line) for line in text.splitlines()]
    assert all(line[:2] == ["python3", "run.py"] for line in lines)
    return [[sys.executable, "-m", *programs[line[2]], *line[3:]] for line in lines]


def test_the_worked_example_runs_from_nothing_to_an_assessment_by_its_package(tmp_path: Path) -> None:
    paths = os.pathsep.join([str(ROOT), str(ROOT / "Training")])
    environment = {**os.environ, "PYTHONPATH": paths, "OMP_NUM_THREADS": "1"}
    for command in commands():
        done = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=600, check=False
        )
        assert done.returncode == 0, f"{command}\n{done.stderr[-2000:]}"
    assessment = json.loads((tmp_path / "example" / "assessed" / "assessment.json").read_text(encoding="utf-8"))
    judged = [station for station in assessment["stations"] if station["probability"] is not None]
    assert judged
    assert all(0 < station["probability"] < 1 for station in judged)
    assert {row["model_package"] for row in assessment["provenance"]} >= {"example"}
