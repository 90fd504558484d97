"""A plain client of the worker for the tests: a real process, real pipes, real files."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from queue import Empty, Queue
from types import TracebackType
from typing import Any

import SimpleITK as sitk

from LNStationLib.worker import messages
from LNStationLib.worker.images import write_image
from LNStationLib.worker.messages import Answer, Call, LineSplitter

ROOT = Path(__file__).resolve().parents[3]
PATIENCE_S = 180.0


class Client:
    """Talks to a worker process.

    Attributes:
        lines: Everything that arrived on the worker's standard output, parsed, oldest first.
    """

    def __init__(self, folder: Path, script: str | None = None) -> None:
        folder.mkdir(mode=0o700, exist_ok=True)
        folder.chmod(0o700)
        self.folder = folder
        entry: Sequence[str] = ["-m", "LNStationLib.worker"] if script is None else ["-c", script]
        self.process = subprocess.Popen(
            [sys.executable, *entry, "--folder", str(folder)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self.lines: list[Call | Answer] = []
        self.log: list[str] = []
        self._arrived: Queue[Call | Answer] = Queue()
        self._numbers = iter(range(1, 10**6))
        self._threads = [threading.Thread(target=run, daemon=True) for run in (self._read, self._read_log)]
        for thread in self._threads:
            thread.start()

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for thread in self._threads:
            thread.join()

    def send(self, line: bytes) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(line)
        self.process.stdin.flush()

    def ask(self, method: str, params: dict[str, Any] | None = None) -> int:
        """Send a request and return its id."""
        number = next(self._numbers)
        self.send(messages.request(number, method, params))
        return number

    def answer(self, number: int | None) -> Answer:
        """Wait for the answer to a request; what else arrives is kept in ``lines``."""
        for line in self.lines:
            if isinstance(line, Answer) and line.request_id == number:
                return line
        while True:
            line = self.next()
            if isinstance(line, Answer) and line.request_id == number:
                return line

    def next(self) -> Call | Answer:
        """Wait for the next line."""
        try:
            return self._arrived.get(timeout=PATIENCE_S)
        except Empty:
            raise AssertionError(f"no answer; the log ends with {self.log[-20:]}") from None

    def result(self, method: str, params: dict[str, Any] | None = None) -> Any:
        answer = self.answer(self.ask(method, params))
        assert answer.failure is None, (answer.failure, self.log[-20:])
        return answer.result

    def failure(self, method: str, params: dict[str, Any] | None = None) -> messages.Failure:
        answer = self.answer(self.ask(method, params))
        assert answer.failure is not None, answer.result
        return answer.failure

    def wait_for_progress(self, number: int) -> Call:
        """Wait until a request runs."""
        while True:
            line = self.next()
            if isinstance(line, Call) and line.method == "progress" and line.params["id"] == number:
                return line

    def end(self) -> int:
        """Close the worker's input and wait for its end."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        return self.process.wait(timeout=PATIENCE_S)

    def volume(self, name: str, image: sitk.Image) -> dict[str, Any]:
        return write_image(self.folder, name, image)

    def _read(self) -> None:
        assert self.process.stdout is not None
        splitter = LineSplitter()
        while chunk := self.process.stdout.read1():
            for line in splitter.feed(chunk):
                assert isinstance(line, bytes)
                message = messages.parse(line)
                self.lines.append(message)
                self._arrived.put(message)

    def _read_log(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.log.append(line.decode(errors="replace"))
