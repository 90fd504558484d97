"""Runs the steps of an installation as child processes; Slicer goes on meanwhile."""

from __future__ import annotations

import logging
from functools import partial

from LNStationSlicer.install.Installation import DependencyError, Installation, Step
from LNStationSlicer.support.ChildProcess import ChildProcess
from LNStationSlicer.support.Command import Command
from LNStationSlicer.support.Signal import Signal
from LNStationSlicer.support.Translation import _
from LNStationSlicer.support.Turns import Turns

_END_WAIT_MS, _KILL_WAIT_MS = 500, 2000


class EnvironmentInstaller:
    """One installation at a time.

    Attributes:
        progress: Emits a fraction in [0, 1] and a text for the user.
        finished: Emits True and an empty text where all went well, else False and one sentence.
        line: Emits each line that a command prints.
    """

    def __init__(self) -> None:
        self.progress, self.finished, self.line = Signal(), Signal(), Signal()
        self._process: ChildProcess | None = None
        self._installation: Installation | None = None
        self._turns = Turns()
        self._index = 0
        self._done = 0.0
        self._lines: list[str] = []
        self._partial = b""

    @property
    def running(self) -> bool:
        """True from ``start`` until ``finished``."""
        return self._installation is not None

    def start(self, installation: Installation) -> None:
        """Run the steps; returns at once, ``finished`` follows.

        Raises:
            RuntimeError: An installation is running already.
        """
        if self.running:
            raise RuntimeError("An installation is running already.")
        self._installation, self._index, self._done = installation, 0, 0.0
        try:
            installation.begin()
        except DependencyError as error:
            self._end(str(error))
            return
        self._startStep()

    def cancel(self) -> None:
        """Stop; ``finished`` is emitted before this returns. Nothing happens where nothing runs."""
        if self.running:
            self._stopProcess()
            self._end(_("The installation was stopped; what was downloaded is kept."))

    def cleanup(self) -> None:
        """Stop for good, silently; for the end of the panel."""
        if self._installation is not None:
            self._stopProcess()
            self._installation.end()
            self._installation = None

    def _startStep(self) -> None:
        assert self._installation is not None
        if self._index == len(self._installation.steps):
            self._end("")
            return
        step = self._installation.steps[self._index]
        self.progress.emit(min(self._done, 1.0), step.title)
        self._run(step.command)

    def _nextStep(self) -> None:
        assert self._installation is not None
        self._done += self._installation.steps[self._index].share
        self._index += 1
        # By the event loop, so that the panel can draw between two steps.
        self._turns.call(self._startNext)

    def _startNext(self) -> None:
        if self.running:
            self._startStep()

    def _run(self, command: Command) -> None:
        self._lines, self._partial = [], b""
        failed = partial(self._processFailed, command.program)
        self._process = ChildProcess(command, self._read, self._processEnded, failed)

    def _read(self, data: bytes) -> None:
        *lines, self._partial = (self._partial + data).split(b"\n")
        for raw in lines:
            self._take(raw.decode("utf-8", "replace").rstrip())

    def _take(self, line: str) -> None:
        if self._installation is None:  # stopped by a listener
            return
        self._lines.append(line)
        self.line.emit(line)
        step = self._step()
        if step is not None and step.progress is not None and step.progress.feed(line):
            self.progress.emit(self._done + step.share * step.progress.fraction, step.progress.text)

    def _step(self) -> Step | None:
        """The running step; None where none runs."""
        return self._installation.steps[self._index] if self._installation is not None else None

    def _processEnded(self, code: int, crashed: bool) -> None:
        if self._partial:
            self._take(self._partial.decode("utf-8", "replace").rstrip())
        self._process = None
        step = self._step()
        if step is None:
            return
        try:
            step.finish(-1 if crashed else code, self._lines)
        except DependencyError as error:
            self._end(str(error))
            return
        self._nextStep()

    def _processFailed(self, program: str, reason: str) -> None:
        self._process = None
        self._end(_("{program} cannot be started ({reason}).").format(program=program, reason=reason))

    def _stopProcess(self) -> None:
        self._turns.clear()
        process, self._process = self._process, None
        if process is not None:
            process.stop(_END_WAIT_MS, _KILL_WAIT_MS)

    def _end(self, sentence: str) -> None:
        installation, self._installation = self._installation, None
        if installation is not None:
            installation.end()
        if sentence:
            logging.warning("%s", sentence)
        self.finished.emit(not sentence, sentence)
