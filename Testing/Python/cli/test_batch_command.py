"""``batch`` on the command line: what it takes, what it says, and with which exit code it ends."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from batch.test_studies import volume
from batch.toy_batch import toy_image, toy_settings
from imaging.samples import write_series
from typer.testing import CliRunner, Result

from LNStationLib.batch import run
from LNStationLib.batch.cluster import cores
from LNStationLib.batch.run import BatchRequest
from LNStationLib.case.case import Case
from LNStationLib.cli import app as cli
from LNStationLib.phantom.case_folder import write_case
from LNStationLib.support.progress import Progress

Call = Callable[..., Result]


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Call:
    """Calls ``batch`` with the toy methods and workers in this process."""
    monkeypatch.setenv("LNSTATION_DATA", str(tmp_path / "data"))
    monkeypatch.setattr("LNStationLib.case.check.check_thorax", lambda ct, name, warn: None)
    kept = run.run_batch

    def in_process(request: BatchRequest, progress: Progress, say: Any) -> Any:
        workers = replace(request.workers, in_process=True) if request.workers.scheduler is None else request.workers
        return kept(replace(request, workers=workers), progress, say)

    monkeypatch.setattr(run, "run_batch", in_process)
    write_case(Case("p1", toy_image()), tmp_path / "cohort" / "p1")

    def invoke(*arguments: str) -> Result:
        with toy_settings() as settings:
            chosen = [f"--{step}.method={getattr(settings, step).method}" for step in ("organs", "stations", "nodes")]
            chosen += ["--metastasis.method=toy", "--staging.method=toy", "--working-spacing=3"]
            return CliRunner().invoke(cli.app, ["batch", *arguments, *chosen])

    return invoke


def test_a_folder_of_cases_is_assessed_and_found_done_the_next_time(call: Call, tmp_path: Path) -> None:
    arguments = ("--cases", str(tmp_path / "cohort"), "--out", str(tmp_path / "out"))
    first = call(*arguments)
    assert first.exit_code == 0, first.output
    assert "1 case: 1 assessed, 0 refused, 0 failed; 0 were done before." in first.output
    assert "Research use only" in first.output
    made = (tmp_path / "out" / "cases" / "p1" / "assessment.json").stat().st_mtime_ns
    assert "1 case: 1 assessed" in call(*arguments).output
    assert (tmp_path / "out" / "cases" / "p1" / "assessment.json").stat().st_mtime_ns == made


def test_a_folder_of_studies_is_indexed_and_named_without_its_folders(call: Call, tmp_path: Path) -> None:
    write_series(tmp_path / "root" / "Doe^John", volume())
    result = call("--cases", str(tmp_path / "root"), "--out", str(tmp_path / "out"), "--cancer", "lung")
    assert result.exit_code == 0, result.output
    (case,) = (tmp_path / "out" / "cases").iterdir()
    assert case.name.startswith("study-")
    assert "taken: " in (tmp_path / "out" / "choices.csv").read_text()
    assert list((tmp_path / "data" / "Cache").glob("dicom-index-*.sqlite"))
    assert "Doe" not in result.output


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--cases", "nowhere"), "there is nothing at nowhere"),
        (("--cases", "empty"), "holds neither case folders nor DICOM studies"),
        (("--cases", "table.csv"), "table.csv: has no column ct"),
        (("--cases", "cohort", "--need", "GPU=none"), "--need 'GPU=none' is not such as GPU=1"),
        (("--cases", "cohort", "--formats", "json,docx"), "no report format 'docx'"),
        (("--cases", "cohort", "--scheduler", "tcp://a:1", "--cluster", "b.yaml"), "not both"),
        (("--cases", "cohort", "--scheduler", "tcp://a:1", "--workers", "2"), "leave them out"),
        (("--cases", "cohort", "--cluster", "none.yaml"), "cannot be read as YAML"),
    ],
)
def test_bad_input_ends_in_one_sentence(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], sentence: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("empty").mkdir()
    Path("table.csv").write_text("case\np1\n")
    result = call(*arguments, "--out", "out")
    assert result.exit_code == 2, result.output
    assert sentence in result.output
    assert "Traceback" not in result.output


def test_ctrl_c_says_how_to_go_on(call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*arguments: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(run, "run_batch", interrupted)
    result = call("--cases", str(tmp_path / "cohort"), "--out", str(tmp_path / "out"))
    assert result.exit_code == 130
    assert "Run the same command again to go on" in result.output


def test_cores_are_divided_among_workers(call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[BatchRequest] = []

    def noted(request: BatchRequest, progress: Progress, say: Any) -> None:
        seen.append(request)
        raise KeyboardInterrupt

    monkeypatch.setattr(run, "run_batch", noted)
    monkeypatch.setattr("LNStationLib.batch.cluster.cores", lambda: 8)
    for options in ((), ("--workers", "2"), ("--threads", "4"), ("--need", "GPU=1", "--need", "BIG")):
        call("--cases", str(tmp_path / "cohort"), "--out", str(tmp_path / "out"), *options)
    found = [(one.workers.count, one.workers.threads, dict(one.workers.resources)) for one in seen]
    assert found == [(8, 1, {}), (2, 4, {}), (2, 4, {}), (8, 1, {"GPU": 1.0, "BIG": 1.0})]
    assert cores() >= 1
