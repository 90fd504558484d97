"""Synthetic patients drawn by other processes while a network is trained."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from lnstation_training.cohorts.splits import SPLITS_FILE
from LNStationLib.support.errors import InputError

_LOG = "drawing.log"


class PatientMaker:
    """``train cohort --for organs`` as a process beside this one.

    A process of its own, because its many workers are ended with it, and because it goes on by the same command where
    it was stopped.

    Args:
        folder: Of the volumes.
        patients: So many are wanted.
        workers: Processes.
        seed: Decides the patients.
        spacing_mm: Their grid along z, y, x.
    """

    def __init__(
        self,
        folder: Path,
        patients: int,
        workers: int,
        seed: int = 1,
        spacing_mm: tuple[float, float, float] = (2.0, 2.0, 2.0),
    ) -> None:
        self.folder = folder
        self.command = [
            *(sys.executable, "-m", "lnstation_training", "cohort", "--for", "organs", "--out", str(folder)),
            *("--patients", str(patients), "--workers", str(workers), "--seed", str(seed)),
            *("--spacing", ",".join(map(str, spacing_mm))),
        ]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Begin, and wait until the folder says what will be in it.

        Raises:
            InputError: The command failed; the message is its last line.
        """
        if self._process is not None or int(os.environ.get("LOCAL_RANK", "0")) > 0:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / _LOG).open("wb") as log:
            environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(sys.path)}
            self._process = subprocess.Popen(self.command, stdout=log, stderr=log, env=environment)
        while self.is_running() and not (self.folder / SPLITS_FILE).exists():
            try:
                self._process.wait(0.2)
            except subprocess.TimeoutExpired:
                continue
        if self._process.poll() not in (None, 0):
            lines = (self.folder / _LOG).read_text(encoding="utf-8", errors="replace").strip().splitlines()
            raise InputError(f"No patients could be drawn: {lines[-1] if lines else 'the process ended'}")

    def is_running(self) -> bool:
        """Whether patients are still drawn."""
        return self._process is not None and self._process.poll() is None

    def stop(self) -> None:
        """End the drawing; whole patients stay."""
        if self._process is not None and self.is_running():
            self._process.terminate()
            self._process.wait()
        self._process = None
