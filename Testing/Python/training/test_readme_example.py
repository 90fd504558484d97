"""The worked example of Training/README.md, command by command as it stands there, made smaller.

Fewer patients with larger pixels, drawn in this process, and fewer epochs.
"""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="the 'networks' packages are not installed")
pytest.importorskip("lightning", reason="the 'training' packages are not installed")

from typer.testing import CliRunner

from lnstation_training.cli import app as train
from lnstation_training.synthetic import cohort
from LNStationLib.cli.app import app as lnstation
from LNStationLib.phantom.patient import PatientPlan, compact

ROOT = Path(__file__).resolve().parents[3]
SMALLER = (
    ("--patients 15 ", "--patients 4 "),
    ("--slice-mm 2.5", "--slice-mm 5"),
    ("--workers 2", "--workers 1"),
    ("--trainer.max_epochs 3", "--trainer.max_epochs 1"),
    ("esophagus-1-00001", "esophagus-1-00017"),
    ("--cancer esophagus", "--cancer esophagus --working-spacing 4"),
)


PIXEL_MM = 4.0


def with_large_pixels(plan: PatientPlan, pixel_mm: float) -> PatientPlan:
    """As ``compact``, whatever pixels the cohort asks for."""
    return compact(plan, PIXEL_MM)


def commands() -> list[list[str]]:
    """What the page tells to paste after ``python3 run.py``, made smaller."""
    page = (ROOT / "Training" / "README.md").read_text(encoding="utf-8")
    found = re.search(r"## Worked example.*?```bash\n(.*?)```", page, re.DOTALL)
    assert found is not None
    text = found[1].replace("\\\n", " ").replace(" Training/", f" {ROOT.as_posix()}/Training/")
    for wanted, smaller in SMALLER:
        assert wanted in text
        text = text.replace(wanted, smaller)
    lines = [shlex.split(line) for line in text.splitlines()]
    assert all(line[:2] == ["python3", "run.py"] for line in lines)
    return [line[2:] for line in lines]


def test_the_worked_example_runs_from_nothing_to_an_assessment_by_its_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(cohort, "compact", with_large_pixels)
    for command in commands():
        # In this process; run.py hands commands over to others (test_house.py), whose start takes longer than most.
        program, arguments = (train, command[1:]) if command[0] == "train" else (lnstation, command)
        done = CliRunner().invoke(program, arguments)
        assert done.exit_code == 0, f"{command}\n{done.output[-2000:]}"
    assessment = json.loads((tmp_path / "example" / "assessed" / "assessment.json").read_text(encoding="utf-8"))
    judged = [station for station in assessment["stations"] if station["probability"] is not None]
    assert judged
    assert all(0 < station["probability"] < 1 for station in judged)
    assert {row["model_package"] for row in assessment["provenance"]} >= {"example"}
