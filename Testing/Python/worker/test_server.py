"""The worker's loop: whatever arrives, in whatever order, it answers and lives on."""

from __future__ import annotations

import errno
import logging
import threading
import time
from collections.abc import Iterator, Mapping
from queue import Queue
from typing import Any

import numpy as np
import pytest

from LNStationLib.support.errors import GeometryError, InputError
from LNStationLib.support.failures import redacted
from LNStationLib.support.progress import Progress
from LNStationLib.worker import messages
from LNStationLib.worker.failures import UnknownCaseError
from LNStationLib.worker.messages import Answer, Call, ErrorCode, parse
from LNStationLib.worker.server import METHODS, Method, Server
from LNStationLib.worker.volume_files import VolumeError

PATIENCE_S = 20.0


class Talk:
    """A server in this process with methods of the test."""

    def __init__(self, methods: Mapping[str, Method], grace_s: float = 5.0) -> None:
        self.loads = 0
        self.answers: Queue[Call | Answer] = Queue()
        self._chunks: Queue[bytes | None] = Queue()
        self._methods = methods
        self.server = Server(lambda line: self.answers.put(parse(line)), self._load, grace_s)
        self.ended: bool | None = None
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _load(self) -> Mapping[str, Method]:
        self.loads += 1
        return self._methods

    def _serve(self) -> None:
        self.ended = self.server.serve(self._pieces())

    def _pieces(self) -> Iterator[bytes]:
        while (chunk := self._chunks.get()) is not None:
            yield chunk

    def send(self, line: bytes) -> None:
        self._chunks.put(line)

    def ask(self, number: int | str, method: str, params: dict[str, Any] | None = None) -> None:
        self.send(messages.request(number, method, params))

    def cancel(self, number: Any) -> None:
        self.send(messages.notification("cancel", {"id": number}))

    def next(self) -> Call | Answer:
        return self.answers.get(timeout=PATIENCE_S)

    def answer(self) -> Answer:
        while not isinstance(line := self.next(), Answer):
            pass
        return line

    def code(self) -> int:
        failure = self.answer().failure
        assert failure is not None
        return failure.code

    def close(self) -> bool | None:
        self._chunks.put(None)
        self._thread.join(PATIENCE_S)
        assert not self._thread.is_alive()
        return self.ended


class Gate:
    """A method that runs until it is let go, telling its progress all the while."""

    def __init__(self) -> None:
        self.running, self.go = threading.Event(), threading.Event()

    def __call__(self, params: dict[str, Any], progress: Progress) -> dict[str, Any]:
        self.running.set()
        while not self.go.wait(0.005):
            progress("waiting", 0.5)
        return {"echo": params}


def echo(params: dict[str, Any], progress: Progress) -> dict[str, Any]:
    return {"echo": params}


def raising(error: BaseException) -> Method:
    def method(params: dict[str, Any], progress: Progress) -> Any:
        raise error

    return method


def test_hello_says_who_is_there_and_has_what_the_methods_need_loaded_once() -> None:
    talk = Talk({"stage": echo})
    talk.ask("a", "hello")
    about = talk.answer().result
    assert about["protocol"] == 1
    assert set(about["methods"]) == set(METHODS)
    talk.ask("b", "stage")
    assert talk.answer().result == {"echo": {}}
    assert talk.loads == 1
    assert talk.close()


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b"not json\n", ErrorCode.PARSE_ERROR),
        (b"[]\n", ErrorCode.INVALID_REQUEST),
        (b'{"jsonrpc":"2.0","id":1,"method":"nothing"}\n', ErrorCode.METHOD_NOT_FOUND),
        (b'{"jsonrpc":"2.0","id":1,"method":"stage","params":[]}\n', ErrorCode.INVALID_PARAMS),
        (b"x" * (messages.MAX_LINE_BYTES + 1) + b"\n", ErrorCode.INVALID_REQUEST),
    ],
)
def test_a_bad_line_is_answered_and_the_next_request_works(line: bytes, code: ErrorCode) -> None:
    talk = Talk({"stage": echo})
    talk.send(line)
    assert talk.code() == code
    talk.ask(2, "stage", {"x": 1})
    assert talk.answer().result == {"echo": {"x": 1}}
    assert talk.close()


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (InputError("give another CT."), 1, "give another CT."),
        (GeometryError("no overlap."), 1, "no overlap."),
        (MemoryError(), 3, "not enough memory"),
        (np._core._exceptions._ArrayMemoryError((1,), np.dtype(float)), 3, "not enough memory"),
        (RuntimeError("ITK ERROR: Failed to allocate memory for image."), 3, "not enough memory"),
        (OSError(errno.ENAMETOOLONG, "File name too long", "a" * 300), 1, "too long for this system"),
        (OSError(errno.ENOSPC, "No space left on device", "ct.nrrd"), 1, "No space is left for ct.nrrd"),
        (UnknownCaseError("load it first."), 4, "load it first."),
        (VolumeError("the path of a volume leaves the private folder"), -32602, "leaves the private folder"),
        (KeyError("secret"), -32603, "Defect in LNStation (KeyError)"),
        (SystemExit(3), -32603, "Defect in LNStation (SystemExit)"),
    ],
)
def test_every_exception_becomes_its_error_and_the_worker_lives_on(
    error: BaseException, code: int, words: str
) -> None:
    talk = Talk({"assess": raising(error), "stage": echo})
    talk.ask(1, "assess")
    failure = talk.answer().failure
    assert failure is not None
    assert failure.code == code
    assert words in failure.message
    assert "secret" not in failure.message
    talk.ask(2, "stage")
    assert talk.answer().request_id == 2
    assert talk.close()


def test_a_result_that_is_no_json_is_a_defect_and_not_a_broken_line() -> None:
    talk = Talk({"assess": lambda params, progress: {"x": float("nan")}})
    talk.ask(1, "assess")
    assert talk.code() == ErrorCode.INTERNAL_ERROR
    assert talk.close()


def test_requests_wait_their_turn_and_are_answered_in_order() -> None:
    gate = Gate()
    talk = Talk({"assess": gate, "stage": echo})
    talk.ask(1, "assess")
    assert gate.running.wait(PATIENCE_S)
    for number in (2, 3, 4):
        talk.ask(number, "stage")
    talk.ask("now", "hello")
    assert talk.answer().request_id == "now"
    gate.go.set()
    assert [talk.answer().request_id for _ in range(4)] == [1, 2, 3, 4]
    assert talk.close()


def test_progress_names_its_request_and_comes_in_moderation() -> None:
    def busy(params: dict[str, Any], progress: Progress) -> int:
        for step in range(5000):
            progress("counting", step / 5000)
        progress("done", 1.5)
        return 7

    talk = Talk({"assess": busy})
    talk.ask("r1", "assess")
    seen = []
    while isinstance(line := talk.next(), Call):
        seen.append(line)
    assert line.result == 7
    assert {call.method for call in seen} == {"progress"}
    assert {call.params["id"] for call in seen} == {"r1"}
    assert seen[-1].params == {"id": "r1", "step": "done", "fraction": 1.0}
    assert 2 <= len(seen) < 100
    assert talk.close()


def test_a_running_request_is_cancelled_at_its_next_progress() -> None:
    gate = Gate()
    talk = Talk({"assess": gate, "stage": echo})
    talk.ask(1, "assess")
    assert gate.running.wait(PATIENCE_S)
    talk.cancel(1)
    assert talk.code() == ErrorCode.CANCELLED
    talk.ask(2, "stage")
    assert talk.answer().request_id == 2
    assert talk.close()


def test_a_waiting_request_is_cancelled_at_once_and_never_runs() -> None:
    gate, ran = Gate(), []
    talk = Talk({"assess": gate, "stage": lambda params, progress: ran.append(params)})
    talk.ask(1, "assess")
    assert gate.running.wait(PATIENCE_S)
    talk.ask(2, "stage")
    talk.cancel(2)
    cancelled = talk.answer()
    assert cancelled.request_id == 2
    assert cancelled.failure is not None
    assert cancelled.failure.code == ErrorCode.CANCELLED
    gate.go.set()
    assert talk.answer().request_id == 1
    assert talk.close()
    assert not ran


@pytest.mark.parametrize("number", [1, 99, None, [1], "x"])
def test_cancelling_what_is_done_or_unknown_does_nothing(number: Any) -> None:
    talk = Talk({"stage": echo})
    talk.ask(1, "stage")
    assert talk.answer().request_id == 1
    talk.cancel(number)
    talk.ask(2, "stage")
    assert talk.answer().request_id == 2
    assert talk.answers.empty()
    assert talk.close()


def test_an_id_may_be_used_again_only_once_it_is_answered() -> None:
    gate = Gate()
    talk = Talk({"assess": gate})
    talk.ask(1, "assess")
    assert gate.running.wait(PATIENCE_S)
    talk.ask(1, "assess")
    assert talk.code() == ErrorCode.INVALID_REQUEST
    gate.go.set()
    assert talk.answer().result == {"echo": {}}
    talk.ask(1, "assess")
    assert talk.answer().result == {"echo": {}}
    assert talk.close()


def test_unknown_notifications_and_answers_from_the_client_are_passed_over() -> None:
    talk = Talk({"stage": echo})
    talk.send(messages.notification("whatever", {"a": 1}))
    talk.send(messages.result(5, {}))
    talk.ask(1, "stage")
    assert talk.answer().request_id == 1
    assert talk.answers.empty()
    assert talk.close()


def test_the_end_of_input_cancels_what_runs_and_what_waits() -> None:
    gate = Gate()
    talk = Talk({"assess": gate, "stage": echo})
    talk.ask(1, "assess")
    assert gate.running.wait(PATIENCE_S)
    talk.ask(2, "stage")
    assert talk.close()
    codes = {}
    while not talk.answers.empty():
        line = talk.next()
        if isinstance(line, Answer):
            assert line.failure is not None
            codes[line.request_id] = line.failure.code
    assert codes == {1: ErrorCode.CANCELLED, 2: ErrorCode.CANCELLED}


def test_a_method_deaf_to_cancelling_does_not_keep_the_worker_alive() -> None:
    over = threading.Event()

    def deaf(params: dict[str, Any], progress: Progress) -> None:
        over.wait(PATIENCE_S)

    talk = Talk({"assess": deaf}, grace_s=0.1)
    talk.ask(1, "assess")
    time.sleep(0.1)
    assert talk.close() is False
    over.set()


def test_shutdown_cancels_the_rest_and_is_answered_last() -> None:
    gate = Gate()
    talk = Talk({"assess": gate})
    talk.ask(1, "assess")
    assert gate.running.wait(PATIENCE_S)
    talk.ask(2, "shutdown")
    assert talk.code() == ErrorCode.CANCELLED
    last = talk.answer()
    assert (last.request_id, last.result) == (2, {})
    assert talk.close()


def test_the_log_of_a_defect_holds_nothing_that_came_with_the_request(caplog: pytest.LogCaptureFixture) -> None:
    params = {"case_id": "Mustermann", "ct": {"path": "/archive/Mustermann_Erika/ct.raw"}, "organs": ["Geheim"]}
    error = FileNotFoundError(2, "No such file", "/archive/Mustermann_Erika/series7/x.dcm of Geheim")
    talk = Talk({"assess": raising(error)})
    with caplog.at_level(logging.DEBUG):
        talk.ask(1, "assess", params)
        failure = talk.answer().failure
    assert failure is not None
    assert talk.close()
    assert "FileNotFoundError" in caplog.text
    for secret in ("Mustermann", "Erika", "Geheim", "archive"):
        assert secret not in caplog.text
        assert secret not in failure.message


def test_blotting_leaves_the_rest_readable() -> None:
    assert (
        redacted("cannot read /data/Doe/x.dcm: damaged", {"files": ["/data/Doe/x.dcm"]})
        == "cannot read <...>: damaged"
    )
