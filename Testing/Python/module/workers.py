"""How tests start a worker: the real one, the real one with coarse sample patients, or the fake one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from LNStationSlicer.support.Command import Command

ROOT = Path(__file__).resolve().parents[3]
FAKE = Path(__file__).with_name("fake_worker.py")
FORKING = Path(__file__).with_name("forking.py")

_COARSE = """
import dataclasses, runpy
from LNStationLib.phantom import samples
plain = samples.sample_plan
def coarse(name, seed=0):
    # Not the clinical field of view: it has 512 x 512 pixels of whatever size.
    return dataclasses.replace(plain(name, seed), spacing_mm=(4.0, 4.0, 5.0), field_of_view="compact")
samples.sample_plan = coarse
runpy.run_module("LNStationLib.worker", run_name="__main__", alter_sys=True)
"""


def environment() -> dict[str, str]:
    """The test's own variables, with the library on the path and one thread only."""
    one = {"OMP_NUM_THREADS": "1", "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS": "1"}
    return {**os.environ, **one, "PYTHONPATH": str(ROOT)}


def real_worker(*arguments: str) -> Command:
    """The worker of the source tree."""
    return Command(sys.executable, ("-m", "LNStationLib.worker", *arguments), environment())


def coarse_worker(*arguments: str) -> Command:
    """The same, but its sample patients have few and large voxels and are made in a few seconds."""
    return Command(sys.executable, ("-c", _COARSE, *arguments), environment())


@cache
def fork_server(pid: int) -> str:
    """Address of the process that forks fake workers for this one; it ends with it."""
    address = str(Path(tempfile.mkdtemp(prefix="fake-workers-"), "socket"))
    command = [sys.executable, str(FORKING), "serve", address, str(pid)]
    subprocess.run(command, env=environment(), stdin=subprocess.DEVNULL, check=True)
    while not os.path.exists(address):
        time.sleep(0.005)
    return address


class FakeWorker:
    """What the fake worker answers, and what it was asked.

    Args:
        folder: Of the test, for its files.
        assessment: What it answers to ``assess``; None where it is not asked.
        stations: uint8 ``[z, y, x]`` on the CT's grid.
        nodes: uint16, likewise.
        organs: uint8 ``[layer, z, y, x]``, likewise.
    """

    def __init__(
        self,
        folder: Path,
        assessment: dict[str, Any] | None = None,
        stations: np.ndarray | None = None,
        nodes: np.ndarray | None = None,
        organs: np.ndarray | None = None,
    ) -> None:
        self.folder = folder
        folder.mkdir(exist_ok=True)
        (folder / "assessment.json").write_text(json.dumps(assessment), encoding="utf-8")
        if stations is not None and nodes is not None:
            np.save(folder / "stations.npy", stations)
            np.save(folder / "nodes.npy", nodes)
            np.save(folder / "organs.npy", stations[None][:0] if organs is None else organs)
        self.behave()

    def command(self, *arguments: str) -> Command:
        """To start it."""
        if hasattr(os, "pidfd_open"):
            forked = ("-I", "-S", str(FORKING), "run", fork_server(os.getpid()), str(self.folder.resolve()))
            return Command(sys.executable, (*forked, *arguments), environment())
        return Command(sys.executable, (str(FAKE), str(self.folder), *arguments), environment())

    def behave(self, **byMethod: dict[str, Any]) -> None:
        """How each method behaves from now on: ``assess={"hang": True}``; see ``fake_worker.py``."""
        self._tell("behavior.json", byMethod)

    def offer(self, *models: dict[str, Any], problems: Any = (), missing: Any = ()) -> None:
        """Which model packages it tells of from now on."""
        told = {"models": list(models), "problems": list(problems), "missing": list(missing)}
        self._tell("models.json", told)

    def _tell(self, name: str, told: dict[str, Any]) -> None:
        # Renamed into place: a worker that runs may be reading the one before.
        new = self.folder / f"{name}.new"
        new.write_text(json.dumps(told), encoding="utf-8")
        new.replace(self.folder / name)

    def requests(self) -> list[dict[str, Any]]:
        """Every request it got, oldest first, over all its processes."""
        log = self.folder / "requests.jsonl"
        return [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()] if log.exists() else []

    def last_params(self, method: str) -> dict[str, Any]:
        """The parameters of the last request of a method."""
        return [request for request in self.requests() if request["method"] == method][-1]["params"]

    def methods(self) -> list[str]:
        """Methods of the requests."""
        return [request["method"] for request in self.requests()]
