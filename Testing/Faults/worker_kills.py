"""A worker killed at random moments of a reading; another takes up, and nothing that was edited is lost."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
from worker.client import Client

from LNStationLib.worker.images import read_image
from LNStationLib.worker.messages import Answer
from Testing.Faults.kinds import chest

SETTINGS = {"working_spacing_mm": 4.0}
EDITS = ({"action": "dismiss", "nodes": [1]}, {"action": "dismiss", "nodes": [2]})
PARTS = ("stations", "nodes", "dismissed_nodes", "n_category", "staging")
_MAPS = ("stations", "nodes", "dismissed")


@dataclass(frozen=True)
class Kill:
    """One kill.

    Attributes:
        after: Lines of the worker after which it was killed.
        during: The request that was being worked on.
        problems: What was lost or differs.
    """

    after: int
    during: str
    problems: list[str]


class Scene:
    """What the panel holds: the last assessment, its maps, and how many edits were answered."""

    def __init__(self) -> None:
        self.assessment: dict[str, Any] | None = None
        self.maps: dict[str, sitk.Image] = {}
        self.edits = -1

    def take(self, worker: Client, answer: dict[str, Any]) -> None:
        """Keep an answer; a map that it does not hold is as it was."""
        if "assessment" not in answer:
            return
        self.assessment = answer["assessment"]
        self.edits += 1
        for name in _MAPS:
            image = read_image(worker.folder, answer[name]) if answer.get(name) else None
            if image is not None:
                self.maps[name] = image


class Reading:
    """What the panel does: loads, assesses, edits twice; after a death it hands what it holds to another."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        chest.write_images(folder, ".nii")
        self._ct = sitk.ReadImage(str(folder / "ct.nii"))
        self._nodes = sitk.ReadImage(str(folder / "nodes.nii"))
        self._workers = 0

    def undisturbed(self) -> tuple[dict[str, Any], int]:
        """The answer after the edit, and how many lines the worker says until then."""
        with self._worker() as worker:
            answer = self._whole(worker, worker.result)
            return answer, len(worker.lines)

    def killed(self, after: int, expected: dict[str, Any]) -> Kill:
        """Kill the worker after so many lines, and go on with another."""
        scene = Scene()
        with self._worker() as worker:
            during = self._until_killed(worker, after, scene)
        with self._worker() as other:
            answer = self._taken_up(other, scene)
        problems = [f"{part} differs" for part in PARTS if answer[part] != expected[part]]
        return Kill(after, during, problems)

    def _worker(self) -> Client:
        self._workers += 1
        return Client(self._folder / f"worker-{self._workers}")

    def _whole(self, worker: Client, ask: Callable[..., Any]) -> dict[str, Any]:
        ask("load_case", self._load(worker))
        ask("assess", {"case": "a", "settings": SETTINGS})
        answers = [ask("reassess", {"case": "a", "nodes": [edit]}) for edit in EDITS]
        return answers[-1]["assessment"]

    def _until_killed(self, worker: Client, after: int, scene: Scene) -> str:
        """The request that was being worked on; the scene gets what was answered in time."""

        def ask(method: str, params: dict[str, Any]) -> Any:
            number = worker.ask(method, params)
            while True:
                if len(worker.lines) >= after:
                    worker.process.kill()
                    raise _KilledError(method)
                line = worker.next()
                if isinstance(line, Answer) and line.request_id == number:
                    scene.take(worker, line.result)
                    return line.result

        try:
            self._whole(worker, ask)
        except _KilledError as kill:
            return str(kill)
        return "nothing"

    def _taken_up(self, worker: Client, scene: Scene) -> dict[str, Any]:
        """As the panel does: load and restore what the scene has, then the edits that were not answered."""
        if scene.assessment is None:
            return self._whole(worker, worker.result)
        worker.result("load_case", self._load(worker))
        volumes = {name: worker.volume(f"kept-{name}.raw", image) for name, image in scene.maps.items()}
        saved = {"case": "a", "assessment": scene.assessment, "settings": SETTINGS, **volumes}
        worker.result("restore_case", saved)
        answer = scene.assessment
        for edit in EDITS[scene.edits :]:
            answer = worker.result("reassess", {"case": "a", "nodes": [edit]})["assessment"]
        return answer

    def _load(self, worker: Client) -> dict[str, Any]:
        images = {"ct": worker.volume("ct.raw", self._ct), "nodes": worker.volume("nodes.raw", self._nodes)}
        return {"case": "a", "facts": {"cancer": "lung", "tumor_side": "R"}, **images}


class _KilledError(Exception):
    """The worker was killed while it worked on a request."""


def kill_workers(points: int, seed: int, folder: Path) -> Iterator[Kill]:
    """Kill workers after drawn numbers of lines."""
    reading = Reading(folder)
    expected, lines = reading.undisturbed()
    (folder / "expected.json").write_text(json.dumps(expected), encoding="utf-8")
    rng = np.random.default_rng(seed)
    for after in sorted(rng.integers(0, lines + 1, size=points)):
        yield reading.killed(int(after), expected)


def table(kills: list[Kill]) -> str:
    """The table in Markdown, then every problem."""
    lines = ["| killed during | kills | lost or different |", "| --- | --- | --- |"]
    for name in dict.fromkeys(kill.during for kill in kills):
        of_name = [kill for kill in kills if kill.during == name]
        lines.append(f"| {name} | {len(of_name)} | {sum(bool(kill.problems) for kill in of_name)} |")
    problems = [
        f"- after {kill.after} lines, during {kill.during}: {', '.join(kill.problems)}"
        for kill in kills
        if kill.problems
    ]
    return "\n".join([*lines, "", *problems])
