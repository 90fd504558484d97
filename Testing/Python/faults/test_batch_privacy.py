"""A batch over marked patients: no identifier in its tables, reports and logs, nor in what Dask shows meanwhile."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

import pytest
import SimpleITK as sitk
from imaging.samples import chest

from LNStationLib.batch import cluster
from LNStationLib.batch.cluster import Workers
from LNStationLib.batch.run import BatchRequest, run_batch
from LNStationLib.batch.studies.index import update_index
from LNStationLib.batch.studies.source import cases_of_root
from LNStationLib.state.settings import Settings
from Testing.Faults.dashboards import Pages
from Testing.Faults.marked import UID, marks_in, write_marked

SETTINGS = Settings(working_spacing_mm=4.0)


def two_patients(folder: Path) -> Path:
    """One that can be assessed; another whose slices end early."""
    image = sitk.Shrink(chest(), (3, 3, 3))
    write_marked(folder / "one", image, "CT")
    for path in write_marked(folder / "two", image, "CT", f"{UID}.2").iterdir():
        path.write_bytes(path.read_bytes()[:-400])
    return folder


def test_a_batch_tells_nothing_of_its_patients(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    root, index, out = two_patients(tmp_path / "archive"), tmp_path / "index.sqlite", tmp_path / "out"
    update_index(root, index, 1)
    for name in ("tmp", "work"):
        (tmp_path / name).mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.chdir(tmp_path / "work")
    said: list[str] = []
    pages = Pages()
    monkeypatch.setattr(cluster, "_say_dashboard", pages.watching(cluster._say_dashboard))
    request = BatchRequest(cases_of_root(root, index), out, SETTINGS, ("json", "csv", "text"), Workers())
    result = run_batch(request, lambda step, fraction: said.append(step), said.append)
    pages.end()
    assert (result.count("assessed"), result.count("refused")) == (1, 1), result
    captured = capfd.readouterr()
    told = "\n".join([*said, captured.out, captured.err, caplog.text, pages.whole]).replace(str(tmp_path), "")
    assert marks_in(told.encode()) == []
    written = [path for folder in ("out", "tmp", "work") for path in (tmp_path / folder).rglob("*") if path.is_file()]
    found = {path: marks_in(path.name.encode() + path.read_bytes()) for path in written}
    assert {path.name for path in found} >= {"cases.csv", "cases.parquet", "failures.csv", "choices.csv"}
    assert {path.name: marks for path, marks in found.items() if marks} == {}
    assert re.search(r"assess_job-\w+-1", pages.whole), "the pages of Dask are no longer seen"
