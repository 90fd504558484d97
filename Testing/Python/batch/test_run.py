"""A batch from its cases to its tables: resumed, refused in one sentence, the same whichever way it ended before."""

from __future__ import annotations

import csv
import errno
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pyarrow.parquet as parquet
import pytest
from batch.toy_batch import IN_PROCESS, ToySource, loads, toy_file, toy_files, toy_request, toy_settings

from LNStationLib.batch import contents, run, work
from LNStationLib.batch.cluster import Workers
from LNStationLib.batch.folder import LOCK_FILE, publish_failure, read_record
from LNStationLib.batch.listing import ListedCase
from LNStationLib.batch.records import UnitRecord
from LNStationLib.batch.run import BatchRequest, run_batch
from LNStationLib.state.assessment import RESEARCH_USE
from LNStationLib.state.settings import Settings
from LNStationLib.support.errors import CancelledError, InputError, OutputError

TABLES = ("cases", "stations", "nodes", "failures")


@pytest.fixture(autouse=True)
def settings(monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    monkeypatch.setattr(work, "_PAUSE_S", 0.0)
    monkeypatch.setattr(contents, "_SETTLED_S", -1.0)
    with toy_settings() as chosen:
        yield chosen


@pytest.fixture
def request_for(tmp_path: Path, settings: Settings) -> Callable[..., BatchRequest]:
    def made(*texts: str, out: str = "out", **others: Any) -> BatchRequest:
        return toy_request(toy_files(tmp_path / "in", *texts), tmp_path / out, settings, **others)

    return made


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_tables_and_report_say_what_became_of_every_case(request_for: Callable[..., BatchRequest]) -> None:
    request = request_for("good", "bad header", "good")
    result = run_batch(request)
    assert [result.count(one) for one in ("assessed", "refused", "failed")] == [2, 1, 0]
    cases = rows(request.out / "cases.csv")
    assert [(row["case_id"], row["n_category"], row["positive_stations"]) for row in cases] == [
        ("case-1", "N1", "7"),
        ("case-3", "N1", "7"),
    ]
    assert len(rows(request.out / "stations.csv")) == 2 * 17
    assert [row["case_id"] for row in rows(request.out / "nodes.csv")] == ["case-1", "case-3"]
    assert rows(request.out / "failures.csv") == [
        {
            "case_id": "case-2",
            "outcome": "refused",
            "code": "input",
            "sentence": "CT case-2.txt: bad header; give another.",
        }
    ]
    report = (request.out / "report.html").read_text(encoding="utf-8")
    assert RESEARCH_USE in report
    assert "CT case-2.txt: bad header" in report
    assert set(result.files) == {
        path for path in request.out.iterdir() if path.suffix in (".csv", ".parquet", ".html")
    }


def test_parquet_says_what_csv_says_in_types_of_its_own(request_for: Callable[..., BatchRequest]) -> None:
    request = request_for("good")
    run_batch(request)
    table = parquet.read_table(request.out / "stations.parquet")
    kinds = {name: str(table.schema.field(name).type) for name in ("case_id", "label_value", "volume_ml", "edited")}
    assert kinds == {"case_id": "string", "label_value": "int64", "volume_ml": "double", "edited": "bool"}
    read = rows(request.out / "stations.csv")
    assert [row["station"] for row in table.to_pylist()] == [row["station"] for row in read]
    (volume,) = [row["volume_ml"] for row in table.to_pylist() if row["station"] == "7"]
    assert volume == pytest.approx(float(next(row for row in read if row["station"] == "7")["volume_ml"]), abs=1e-3)
    assert next(row for row in table.to_pylist() if row["station"] == "8")["volume_ml"] is None


def test_a_finished_batch_starts_no_worker_and_changes_no_file(
    request_for: Callable[..., BatchRequest], monkeypatch: pytest.MonkeyPatch
) -> None:
    request = request_for("good", "bad")
    run_batch(request)
    before = {path: path.stat().st_mtime_ns for path in request.out.rglob("*") if path.suffix in (".csv", ".html")}
    monkeypatch.setattr(run, "connected", None)
    again = run_batch(request)
    assert again.done_before == 2
    assert before == {path: path.stat().st_mtime_ns for path in before}


def test_an_interrupted_batch_goes_on_to_the_same_tables(request_for: Callable[..., BatchRequest]) -> None:
    whole = request_for("good", "bad", "good", out="whole")
    run_batch(whole)

    def interrupt(step: str, fraction: float) -> None:
        if step.startswith("1 of 3"):
            raise CancelledError

    request = replace(whole, out=whole.out.with_name("interrupted"))
    with pytest.raises(CancelledError):
        run_batch(request, interrupt)
    assert not (request.out / "cases.csv").exists()
    result = run_batch(request)
    assert result.done_before >= 1
    for name in (f"{table}{ending}" for table in TABLES for ending in (".csv", ".parquet")):
        assert (request.out / name).read_bytes() == (whole.out / name).read_bytes()


def test_the_reports_speak_the_language_that_is_asked_for_and_tables_none(
    request_for: Callable[..., BatchRequest],
) -> None:
    english = replace(request_for("good", "bad header"), formats=("json", "text"))
    run_batch(english)
    german = replace(english, out=english.out.with_name("german"), language="de")
    result = run_batch(german)
    page = (german.out / "report.html").read_text(encoding="utf-8")
    assert '<html lang="de">' in page
    for words in ("Kohorte", "Beurteilungen nach Station", "Fälle ohne Ergebnis", "abgewiesen", "nicht bestätigt"):
        assert words in page
    english_page = (english.out / "report.html").read_text(encoding="utf-8")
    headings = [set(re.findall(r"<(?:h[12]|th|dt)[^>]*>([^<]+)<", one)) for one in (english_page, page)]
    assert {one for one in headings[0] & headings[1] if not re.match(r"\d", one)} == {"Station"}
    for name in ("cases.csv", "stations.csv", "failures.csv"):
        assert (german.out / name).read_bytes() == (english.out / name).read_bytes()
    assert "BEFUND" in (german.out / "cases" / "case-1" / "report.txt").read_text(encoding="utf-8")
    with pytest.raises(InputError, match="language is de there and en now"):
        run_batch(replace(german, language="en"))
    assert result.done_before == 0
    assert run_batch(german).done_before == 2


def test_a_new_case_joins_and_a_changed_one_is_assessed_again(
    request_for: Callable[..., BatchRequest], tmp_path: Path
) -> None:
    request = request_for("good", "good")
    run_batch(request)
    added = toy_file(tmp_path / "in" / "case-3.txt", "good")
    toy_file(tmp_path / "in" / "case-1.txt", "better")
    result = run_batch(replace(request, cases=[*request.cases, added]))
    assert result.done_before == 1
    assert sorted(loads(tmp_path / "in")) == ["case-1", "case-1", "case-2", "case-3"]


def test_what_passes_is_tried_again_and_what_does_not_is_named(
    request_for: Callable[..., BatchRequest], monkeypatch: pytest.MonkeyPatch
) -> None:
    kept, tries = ToySource.load, dict[str, int]()

    def load(self: ToySource, progress: Any) -> Any:
        tries[self.path.stem] = tries.get(self.path.stem, 0) + 1
        if self.path.stem == "case-2" or (self.path.stem == "case-1" and tries["case-1"] == 1):
            raise OSError(errno.ESTALE, "Stale file handle")
        return kept(self, progress)

    monkeypatch.setattr(ToySource, "load", load)
    request = request_for("good", "good", "bad")
    result = run_batch(request)
    assert [record.outcome for record in result.records] == ["assessed", "failed", "refused"]
    assert tries == {"case-1": 2, "case-2": 3, "case-3": 1}
    assert [row["code"] for row in rows(request.out / "failures.csv")] == ["storage", "input"]
    monkeypatch.setattr(ToySource, "load", kept)
    assert [record.outcome for record in run_batch(request).records] == ["assessed", "assessed", "refused"]


def test_a_case_that_is_known_to_be_useless_costs_no_worker(tmp_path: Path, settings: Settings) -> None:
    request = toy_request([ListedCase("case-1", None, "case.json is faulty.")], tmp_path / "out", settings)
    (record,) = run_batch(request).records
    assert (record.outcome, record.sentence) == ("refused", "case.json is faulty.")


# Refused in one sentence


def test_other_settings_in_the_same_folder_are_refused(request_for: Callable[..., BatchRequest]) -> None:
    request = request_for("good")
    run_batch(request)
    other = request.settings.model_copy(update={"working_spacing_mm": 2.0})
    with pytest.raises(InputError, match=r"other settings \(working_spacing_mm is 3\.0 there and 2\.0 now\)"):
        run_batch(replace(request, settings=other))


def test_two_batches_at_once_in_one_folder_are_refused(request_for: Callable[..., BatchRequest]) -> None:
    request = request_for("good")
    request.out.mkdir()
    code = (
        "import sys, pathlib\nfrom LNStationLib.support.locks import exclusive_lock\n"
        f"with exclusive_lock(pathlib.Path({str(request.out / LOCK_FILE)!r})):\n"
        "    print('held', flush=True)\n    sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        env={"PYTHONPATH": str(Path(__file__).resolve().parents[3])},
    ) as holder:  # fmt: skip
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(OutputError, match=f"another batch \\(process {holder.pid}\\)"):
            run_batch(request)
        holder.kill()
    assert run_batch(request).count("assessed") == 1


@pytest.mark.parametrize("kind", ["file", "other"])
def test_a_folder_that_holds_something_else_is_left_alone(
    request_for: Callable[..., BatchRequest], kind: str
) -> None:
    request = request_for("good")
    precious = request.out
    if kind == "other":
        request.out.mkdir()
        precious = request.out / "thesis.docx"
    precious.write_text("precious")
    with pytest.raises(OutputError, match="choose another"):
        run_batch(request)
    assert precious.read_text() == "precious"


def test_what_kills_have_left_is_swept(request_for: Callable[..., BatchRequest]) -> None:
    request = request_for("good")
    run_batch(request)
    for name in (".unfinished/case-1-0123", ".trash-0", ".tables-1"):
        (request.out / name).mkdir(parents=True)
        (request.out / name / "part").write_text("half")
    (request.out / "cases.csv").unlink()
    run_batch(request)
    assert list(request.out.rglob("part")) == []
    assert (request.out / "cases.csv").exists()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"cases": []}, "no cases"),
        ({"formats": ("csv",)}, "json is needed"),
        ({"language": "xx"}, "no report language 'xx'"),
        ({"formats": ("json", "docx")}, "no report format 'docx'"),
        ({"workers": Workers(scheduler="tcp://127.0.0.1:9")}, r"no scheduler answers at tcp://127\.0\.0\.1:9"),
        ({"workers": Workers(scheduler="nonsense://x")}, "no scheduler answers at nonsense://x"),
        ({"workers": Workers(memory="lots", in_process=True)}, "--memory"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_sentence(
    request_for: Callable[..., BatchRequest], change: dict[str, Any], sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("LNStationLib.batch.cluster._CONNECT_S", 0.5)
    with pytest.raises(InputError, match=sentence):
        run_batch(replace(request_for("good"), **change))


def test_a_worker_of_another_version_is_named(
    request_for: Callable[..., BatchRequest], monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = run.environment_for

    def its(settings: Settings) -> Any:
        return mine(settings).model_copy(update={"lnstation": "0.0.9"})

    monkeypatch.setattr(run, "environment_for", its)
    with pytest.raises(InputError, match=r"the worker at inproc://worker has LNStation 0\.1\.0 instead of 0\.0\.9"):
        _with_worker_of(mine, request_for("good"), monkeypatch)


def _with_worker_of(environment: Any, request: BatchRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers answer with an environment of their own, though they share this process."""
    check = run.check_workers

    class Client:
        def run(self, function: Any, *args: Any, **how: Any) -> Any:
            return {"inproc://lost": OSError("closed"), "inproc://worker": environment(*args)}

    monkeypatch.setattr(
        run, "check_workers", lambda client, settings, mine: check(cast(Any, Client()), settings, mine)
    )
    run_batch(request)


def test_needs_that_no_worker_meets_are_said_while_waiting(
    request_for: Callable[..., BatchRequest], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("LNStationLib.batch.scheduling._SILENCE_S", 0.1)
    steps: list[str] = []

    def told(step: str, fraction: float) -> None:
        steps.append(step)
        if "waiting" in step:
            raise CancelledError

    request = replace(request_for("good"), workers=replace(IN_PROCESS, resources={"GPU": 1}))
    kept = run.connected
    monkeypatch.setattr(run, "connected", lambda workers, say: kept(replace(workers, resources={}), say))
    with pytest.raises(CancelledError):
        run_batch(request, told)
    assert steps[-1] == "0 of 1 cases, waiting for workers that can take a case"


def test_failures_of_before_are_replaced(request_for: Callable[..., BatchRequest]) -> None:
    request = request_for("good")
    run_batch(request)
    publish_failure(request.out, UnitRecord(case_id="case-1", key="", outcome="failed", code="worker_lost"))
    found = read_record(request.out, "case-1")
    assert found is not None
    assert found.outcome == "failed"
    assert run_batch(request).records[0].outcome == "assessed"
