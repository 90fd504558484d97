"""The client of the worker: callbacks, progress, cancel, time-outs, death and restart, over real pipes."""

from __future__ import annotations

import os
import signal
import stat
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import slicer_host

if _reason := slicer_host.why_unavailable():
    pytest.skip(_reason, allow_module_level=True)
slicer_host.start()

from LNStationSlicer.install.Installation import DependencyError  # noqa: E402
from LNStationSlicer.support.Command import Command  # noqa: E402
from LNStationSlicer.worker.WorkerClient import WorkerClient  # noqa: E402
from module.workers import FakeWorker, real_worker  # noqa: E402
from slicer_host import driver  # noqa: E402

from LNStationLib.worker.volume_files import VolumeGeometry, write_volume  # noqa: E402

UNIT = VolumeGeometry((0.0, 0.0, 0.0), (1.0, 1.0, 1.0), (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0))


class Asked:
    """A request and what came of it."""

    def __init__(self, client: WorkerClient, method: str, params: dict[str, Any] | None = None) -> None:
        self.results: list[Any] = []
        self.errors: list[Any] = []
        self.progress: list[tuple[str, float]] = []
        self.id = client.request(
            method, params or {}, self.results.append, self.errors.append, lambda *step: self.progress.append(step)
        )

    @property
    def ended(self) -> bool:
        return bool(self.results or self.errors)

    def wait(self, timeout: float = 15.0) -> Asked:
        driver.wait_for(lambda: self.ended, timeout, "the answer")
        return self


@pytest.fixture
def fake(tmp_path: Path) -> FakeWorker:
    array = np.zeros((2, 3, 4), np.uint8)
    return FakeWorker(tmp_path / "answers", {"stations": []}, array, array.astype(np.uint16))


@pytest.fixture
def make(fake: FakeWorker) -> Iterator[Callable[..., WorkerClient]]:
    made: list[WorkerClient] = []

    def client(silence: dict[str, float] | None = None, command: Any = None) -> WorkerClient:
        made.append(WorkerClient(command or (lambda folder: fake.command("--folder", str(folder))), silence))
        return made[-1]

    yield client
    for one in made:
        one.stop()
    driver.wait_for(lambda: driver.child_processes() == [], what="The end of all processes")
    assert slicer_host.take_slot_errors() == []


def load(client: WorkerClient) -> Asked:
    ct = write_volume(client.folder, "ct", np.zeros((2, 3, 4), np.int16), UNIT)
    return Asked(client, "load_case", {"case": "a", "ct": ct}).wait()


def test_a_request_starts_the_worker_and_its_answer_comes_later_never_at_once(make: Any) -> None:
    client = make()
    asked = Asked(client, "devices")
    assert not asked.ended
    assert client.nPending == 2  # hello goes before
    assert [device["name"] for device in asked.wait().results[0]["devices"]] == ["cpu", "cuda:0"]
    assert client.generation == 1


def test_the_real_worker_greets_and_refuses_an_unknown_case_in_words(make: Any) -> None:
    client = make(command=lambda folder: real_worker("--folder", str(folder)))
    error = Asked(client, "release_case", {"case": ""}).wait(60).errors[0]
    assert error.kind == "internal"
    error = Asked(client, "assess", {"case": "nobody"}).wait(60).errors[0]
    assert error.kind == "unknown_case"
    assert error.message


def test_progress_reaches_its_own_request_only(make: Any, fake: FakeWorker) -> None:
    client = make()
    load(client)
    fake.behave(assess={"seconds": 0.3})
    slow, other = Asked(client, "assess", {"case": "a"}), Asked(client, "devices")
    slow.wait(), other.wait()
    fractions = [fraction for _step, fraction in slow.progress]
    assert len(fractions) > 3
    assert fractions == sorted(fractions)
    assert not other.progress


def test_a_cancelled_request_ends_as_cancelled_and_the_worker_lives_on(make: Any, fake: FakeWorker) -> None:
    client = make()
    load(client)
    fake.behave(assess={"hang": True})
    asked, pid = Asked(client, "assess", {"case": "a"}), client.pid
    driver.wait_for(lambda: asked.progress, 10, "progress")
    client.cancel(asked.id)
    assert asked.wait().errors[0].kind == "cancelled"
    assert Asked(client, "devices").wait().results
    assert client.pid == pid


def test_a_worker_deaf_to_cancel_is_killed_and_the_next_request_starts_another(make: Any, fake: FakeWorker) -> None:
    client = make(silence={"cancel": 0.4})
    load(client)
    fake.behave(assess={"hang": True, "deaf": True})
    asked, pid = Asked(client, "assess", {"case": "a"}), client.pid
    driver.wait_for(lambda: asked.progress, 10, "progress")
    client.cancel(asked.id)
    assert asked.wait(5).errors[0].kind == "cancelled"
    fake.behave()
    assert Asked(client, "devices").wait().results
    assert client.pid != pid
    driver.wait_for(lambda: driver.child_processes() == [client.pid], 5, "the end of the deaf one")


def test_a_worker_that_dies_is_reported_with_its_last_lines_and_started_anew(make: Any, fake: FakeWorker) -> None:
    client = make()
    load(client)
    fake.behave(assess={"die": 7, "stderr": "first line\nthe last straw"})
    one, waiting = Asked(client, "assess", {"case": "a"}), Asked(client, "devices")
    error = one.wait().errors[0]
    assert error.kind == "died"
    assert "exit code 7" in error.message
    assert error.details.splitlines()[-1] == "the last straw"
    assert waiting.wait().errors[0].kind == "died"
    assert Asked(client, "devices").wait().results
    assert client.generation == 2


@pytest.mark.parametrize("end", ["dies", "cannot be started"])
def test_a_request_from_within_an_error_callback_starts_another_worker(make: Any, fake: FakeWorker, end: str) -> None:
    commands = [Command("/no/such/python", (), {})] if end == "cannot be started" else []
    client = make(command=lambda folder: commands.pop() if commands else fake.command("--folder", str(folder)))
    fake.behave(devices={"die": 7})
    answers: list[Any] = []

    def again(error: Any) -> None:
        fake.behave()
        client.request("devices", {}, answers.append, answers.append)

    client.request("devices", {}, answers.append, again)
    driver.wait_for(lambda: answers, 15, "the second worker's answer")
    assert answers[0]["devices"]
    assert client.generation == 2


def test_a_killed_worker_is_reported(make: Any, fake: FakeWorker) -> None:
    client = make()
    load(client)
    fake.behave(assess={"hang": True})
    asked = Asked(client, "assess", {"case": "a"})
    driver.wait_for(lambda: asked.progress, 10, "progress")
    os.kill(client.pid, signal.SIGKILL)
    assert asked.wait().errors[0].kind == "died"
    assert not client.isRunning()


def test_silence_is_a_time_out_but_progress_is_a_sign_of_life(make: Any, fake: FakeWorker) -> None:
    client = make(silence={"assess": 0.7})
    load(client)
    fake.behave(assess={"seconds": 1.6})
    assert Asked(client, "assess", {"case": "a"}).wait().results
    fake.behave(assess={"hang": True, "silent": True})
    error = Asked(client, "assess", {"case": "a"}).wait(6).errors[0]
    assert error.kind == "timeout"
    assert "assess" in error.message
    assert not client.isRunning()


def test_a_request_that_waits_its_turn_is_not_late(make: Any, fake: FakeWorker) -> None:
    client = make(silence={"devices": 0.6})
    load(client)
    fake.behave(assess={"seconds": 1.5})
    slow, quick = Asked(client, "assess", {"case": "a"}), Asked(client, "devices")
    assert slow.wait().results
    assert quick.wait().results


def test_a_stray_print_does_not_break_the_protocol(make: Any, fake: FakeWorker) -> None:
    fake.behave(devices={"noise": "a library says hello"})
    assert Asked(make(), "devices").wait().results


def test_the_workers_own_words_reach_the_user(make: Any, fake: FakeWorker) -> None:
    client = make()
    load(client)
    fake.behave(assess={"error": [1, "The CT ends above the lungs: load the whole chest."]})
    error = Asked(client, "assess", {"case": "a"}).wait().errors[0]
    assert (error.kind, error.message) == ("input", "The CT ends above the lungs: load the whole chest.")
    fake.behave(assess={"error": [3, "bad alloc"]})
    assert Asked(client, "assess", {"case": "a"}).wait().errors[0].kind == "memory"


def test_a_worker_of_another_version_is_not_used(make: Any, fake: FakeWorker) -> None:
    fake.behave(hello={"protocol": 99})
    error = Asked(make(), "devices").wait().errors[0]
    assert error.kind == "start"
    assert "version" in error.message


@pytest.mark.parametrize("broken", ["missing program", "no environment"])
def test_a_worker_that_cannot_start_says_why(make: Any, broken: str) -> None:
    def command(folder: Path) -> Command:
        if broken == "no environment":
            raise DependencyError("Press Install.")
        return Command(str(folder / "no-such-python"), (), {})

    asked = Asked(make(command=command), "devices")
    assert not asked.ended
    error = asked.wait().errors[0]
    assert error.kind == "start"
    assert broken == "missing program" or "Press Install." in error.message


def test_the_folder_is_private_and_goes_with_the_worker(make: Any, fake: FakeWorker) -> None:
    client = make()
    load(client)
    folder = client.folder
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    fake.behave(assess={"hang": True, "deaf": True})
    asked = Asked(client, "assess", {"case": "a"})
    driver.wait_for(lambda: asked.progress, 10, "progress")
    begun = time.monotonic()
    client.stop()
    assert time.monotonic() - begun < 2.5
    assert not folder.exists()
    assert driver.child_processes() == []
    assert not asked.ended


def test_an_abandoned_request_calls_nobody_and_leaves_no_file(make: Any, fake: FakeWorker) -> None:
    client = make()
    load(client)
    before = sorted(client.folder.iterdir())
    # Deaf: the result comes although it was cancelled.
    fake.behave(assess={"seconds": 0.3, "deaf": True})
    asked = Asked(client, "assess", {"case": "a"})
    client.abandon(asked.id)
    driver.wait_for(lambda: client.nPending == 0, 10, "the late answer")
    assert not asked.ended
    assert sorted(client.folder.iterdir()) == before
    assert client.isRunning()


def test_a_volume_is_read_once_and_its_file_deleted(make: Any) -> None:
    client = make()
    reference = write_volume(client.folder, "mask", np.ones((2, 3, 4), np.uint8), UNIT)
    array, geometry = client.takeVolume(reference)
    assert array.sum() == 24
    assert geometry == UNIT
    assert list(client.folder.iterdir()) == []
    outside = client.folder.parent / "kept.raw"
    outside.write_bytes(b"")
    client.discard({"path": "../kept.raw", "dtype": "uint8"})
    assert outside.exists()
    outside.unlink()
