"""One case of a batch: whole or not at all, again only where its content changed, one sentence where it fails."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from batch.toy_batch import ToySource, loads, put_back, toy_files, toy_job, toy_settings

from LNStationLib.batch import contents, work
from LNStationLib.batch.folder import read_record, unit_folder
from LNStationLib.batch.passing import PassingError
from LNStationLib.batch.run import done_before
from LNStationLib.batch.words import failure_words
from LNStationLib.batch.work import Job, StopBatchError, assess_job
from LNStationLib.state.assessment import Assessment
from LNStationLib.state.settings import Settings


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    monkeypatch.setattr(work, "_PAUSE_S", 0.0)
    monkeypatch.setattr(contents, "_SETTLED_S", -1.0)
    with toy_settings() as chosen:
        yield chosen


@pytest.fixture
def job(tmp_path: Path, settings: Settings) -> Job:
    (case,) = toy_files(tmp_path / "in", "good")
    return toy_job(case, tmp_path / "out", settings)


def file_of(job: Job) -> Path:
    assert isinstance(job.source, ToySource)
    return job.source.path


@dataclass(frozen=True)
class Raising(ToySource):
    """Fails with an error of the system, or of the program."""

    error: BaseException | None = None

    def load(self, progress: Any) -> Any:
        assert self.error is not None
        raise self.error


def raising(job: Job, error: BaseException) -> Job:
    return replace(job, source=Raising(file_of(job), error))


# Whole or not at all


def test_a_case_becomes_a_folder_with_its_record(job: Job) -> None:
    record = assess_job(job)
    folder = unit_folder(job.plan.out, job.case_id)
    assert record.outcome == "assessed"
    assert {path.name for path in folder.iterdir()} == {*(one.name for one in record.outputs), "unit.json"}
    assert Assessment.model_validate_json((folder / "assessment.json").read_bytes()).n_category == "N1"
    assert read_record(job.plan.out, job.case_id) == record
    assert list((job.plan.out / ".unfinished").iterdir()) == []


@pytest.mark.parametrize("lost", ["assessment.json", "unit.json"])
def test_a_result_that_is_not_whole_is_made_again(job: Job, lost: str) -> None:
    assess_job(job)
    (unit_folder(job.plan.out, job.case_id) / lost).unlink()
    assert done_before(job) is None
    assess_job(job)
    assert loads(file_of(job).parent) == ["case-1", "case-1"]
    assert done_before(job) is not None


def test_a_result_cut_short_is_seen_by_its_size_and_a_changed_byte_where_asked(job: Job) -> None:
    assess_job(job)
    path = unit_folder(job.plan.out, job.case_id) / "assessment.json"
    content = path.read_bytes()
    path.write_bytes(content[:-1])
    assert read_record(job.plan.out, job.case_id) is None
    path.write_bytes(content[:-1] + b" ")
    assert read_record(job.plan.out, job.case_id) is not None
    assert read_record(job.plan.out, job.case_id, read_bytes=True) is None


def test_a_worker_of_a_killed_run_publishes_nothing_half(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next run has taken the unfinished folder away while the worker was still writing into it."""
    kept = work.outputs_of

    def swept(folder: Path, names: Any) -> Any:
        found = kept(folder, names)
        shutil.rmtree(folder)
        return found

    monkeypatch.setattr(work, "outputs_of", swept)
    with pytest.raises((StopBatchError, OSError)):
        assess_job(job)
    assert not unit_folder(job.plan.out, job.case_id).exists()


# Again only where the content changed


def test_a_case_is_not_assessed_again(job: Job) -> None:
    record = assess_job(job)
    assert done_before(job) == record
    assert assess_job(job) == record
    assert loads(file_of(job).parent) == ["case-1"]


def test_a_touched_file_costs_a_look_at_its_bytes_and_no_assessment(job: Job) -> None:
    record = assess_job(job)
    put_back(file_of(job))
    assert done_before(job) is None
    again = assess_job(job)
    assert (again.key, again.seconds) == (record.key, record.seconds)
    assert done_before(job) == again
    assert loads(file_of(job).parent) == ["case-1"]


def test_changed_bytes_are_assessed_again_though_size_and_time_are_put_back(job: Job) -> None:
    record = assess_job(job)
    before = file_of(job).stat()
    file_of(job).write_text("goop")
    os.utime(file_of(job), ns=(before.st_atime_ns, before.st_mtime_ns))
    assert done_before(job) is None
    assert assess_job(job).key != record.key
    assert len(loads(file_of(job).parent)) == 2


def test_a_file_changed_a_moment_ago_is_not_trusted_by_its_times(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contents, "_SETTLED_S", 3600.0)
    record = assess_job(job)
    assert not record.inputs[0].settled
    assert done_before(job) is None
    assert assess_job(job).key == record.key
    assert loads(file_of(job).parent) == ["case-1"]


def test_other_settings_or_another_program_make_another_key(job: Job) -> None:
    assess_job(job)
    other = job.plan.settings.model_copy(update={"working_spacing_mm": 2.0})
    assert done_before(replace(job, plan=replace(job.plan, settings=other))) is None
    assert done_before(replace(job, plan=replace(job.plan, environment="another"))) is None


# One sentence where it fails


def test_refused_input_is_said_once_and_not_tried_again(tmp_path: Path, settings: Settings) -> None:
    (case,) = toy_files(tmp_path / "Doe^John", "bad header")
    job = toy_job(case, tmp_path / "out", settings)
    record = assess_job(job)
    assert (record.outcome, record.sentence) == ("refused", "CT case-1.txt: bad header; give another.")
    assert done_before(job) == record
    assert [path.name for path in unit_folder(job.plan.out, "case-1").iterdir()] == ["unit.json"]


def test_a_missing_file_is_refused_until_it_is_there(tmp_path: Path, settings: Settings) -> None:
    (case,) = toy_files(tmp_path / "in", "good")
    job = toy_job(case, tmp_path / "out", settings)
    file_of(job).unlink()
    assert assess_job(job).sentence == "CT: there is no file case-1.txt; check the path."
    toy_files(tmp_path / "in", "good")
    assert done_before(job) is None
    assert assess_job(job).outcome == "assessed"


def test_a_file_that_may_not_be_read_is_refused_and_looked_at_again(
    job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forbidden(path: Path) -> str:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    with monkeypatch.context() as patch:
        patch.setattr(contents, "sha256_of", forbidden)
        record = assess_job(job)
    assert (record.outcome, "Permission denied" in record.sentence) == ("refused", True)
    assert str(file_of(job)) not in record.sentence
    assert done_before(job) is None
    assert assess_job(job).outcome == "assessed"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (OSError(errno.ESTALE, "Stale file handle", "/data/Doe"), "storage"),
        (MemoryError(), "out_of_memory"),
        (RuntimeError("itk: Failed to allocate memory for image"), "out_of_memory"),
    ],
)
def test_what_may_pass_is_raised_for_another_try_without_its_words(job: Job, error: Exception, code: str) -> None:
    with pytest.raises(PassingError) as raised:
        assess_job(raising(job, error))
    assert (str(raised.value), raised.value.__cause__) == (code, None)
    assert not unit_folder(job.plan.out, job.case_id).exists()


def test_a_defect_is_kept_with_its_traceback_and_without_paths(job: Job) -> None:
    error = KeyError(f"of {file_of(job)}")
    record = assess_job(raising(job, error))
    assert (record.outcome, record.code) == ("failed", "defect: KeyError")
    text = (unit_folder(job.plan.out, job.case_id) / "defect.txt").read_text()
    assert "Traceback" in text
    assert str(file_of(job)) not in text
    assert "defect.txt" in failure_words(record)
    assert done_before(job) is None


def test_a_full_disk_ends_the_batch_with_a_sentence(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*args: Any, **kwargs: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(job.plan.out / "cases" / "x"))

    monkeypatch.setattr("LNStationLib.batch.folder.write_atomically", full)
    with pytest.raises(StopBatchError, match="No space is left"):
        assess_job(job)
    assert not unit_folder(job.plan.out, job.case_id).exists()


def test_a_worker_of_another_version_does_nothing(job: Job) -> None:
    with pytest.raises(StopBatchError, match="another version"):
        assess_job(replace(job, plan=replace(job.plan, environment="another")))


@pytest.mark.parametrize("name", ["../up", "a/b", "..", "", "/etc"])
def test_an_id_cannot_leave_the_folder(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="cannot name a folder"):
        unit_folder(tmp_path, name)
