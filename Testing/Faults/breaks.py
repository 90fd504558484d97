"""Tasks broken off at every change of a file: killed, on a full disk, in a read-only folder; then done again."""

from __future__ import annotations

import math
import os
import resource
import shutil
import signal
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from Testing.Faults.forked import Exit, forked
from Testing.Faults.tasks import TASKS, Task
from Testing.Faults.whole_files import half_files, leftovers
from Testing.Faults.writes import Changes, killed, no_space, read_only

FAULTS: Mapping[str, Callable[[], None]] = {"kill -9": killed, "disk full": no_space, "read-only": read_only}
_SAME_FIGURE = 0.02
"""Of a loss: sums in another order move it by rounding."""
_FILE_LIMITS_BYTES = (0, 64, 1_000, 4_000, 20_000, 60_000)
"""No file may grow beyond: what a small disk does also to what C++ writes."""


@dataclass(frozen=True)
class Broken:
    """One task broken off once.

    Attributes:
        task: Its name.
        fault: What happened.
        point: At which change, or up to how many bytes.
        problems: What must not be: half files, other bytes after doing it again, no sentence.
    """

    task: str
    fault: str
    point: int
    problems: list[str]

    @property
    def replay(self) -> str:
        """The command line that does it again."""
        return f"python -m Testing.Faults breaks --task {self.task} --fault '{self.fault}' --point {self.point}"


class Breaker:
    """Breaks one task off.

    Args:
        task: Which.
        folder: For originals, the reference and trials.
    """

    def __init__(self, task: Task, folder: Path) -> None:
        self.task = task
        self._folder = folder / task.name
        self._originals, self._reference = self._folder / "originals", self._folder / "reference"
        shutil.rmtree(self._folder, ignore_errors=True)
        self._originals.mkdir(parents=True)
        task.warm_up()
        _must(forked(lambda: task.prepare(self._originals)))
        self.changes = int(_must(forked(lambda: self._run(self._reference))).said)
        self.expected = task.figures(self._reference)

    def points(self, count: int, seed: int) -> list[int]:
        """Changes to break off at: all of them, or ``count`` drawn ones."""
        every = np.arange(1, self.changes + 1)
        drawn = np.random.default_rng(seed).permutation(every)[:count]
        return [int(point) for point in sorted(drawn)]

    def broken(self, fault: str, point: int) -> Broken:
        """Break off at a change; odd points over an earlier result, even ones in an empty folder."""
        out = self._trial(earlier=point % 2 == 1)
        ended = forked(lambda: self._run(out, point, FAULTS[fault]))
        return Broken(self.task.name, fault, point, [*self._ended(ended, fault), *self._afterwards(out, fault)])

    def limited(self, size: int) -> Broken:
        """Let no file grow beyond a size."""
        out = self._trial(earlier=False)
        ended = forked(lambda: self._run_limited(out, size))
        return Broken(
            self.task.name, "file size", size, [*self._ended(ended, "file size"), *self._afterwards(out, "")]
        )

    def _trial(self, earlier: bool) -> Path:
        out = self._folder / "trial"
        shutil.rmtree(out, ignore_errors=True)
        if earlier:
            shutil.copytree(self._reference, out)
        return out

    def _run(self, out: Path, at: int | None = None, happens: Callable[[], None] = killed) -> int:
        out.mkdir(exist_ok=True)
        changes = Changes(out, at, happens)
        self.task.run(self._originals, out)
        return changes.seen

    def _run_limited(self, out: Path, size: int) -> None:
        out.mkdir(exist_ok=True)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
        os.environ["TMPDIR"] = str(out)
        self.task.run(self._originals, out)

    def _ended(self, ended: Exit, fault: str) -> Iterator[str]:
        expected = signal.SIGKILL if fault == "kill -9" else 0
        if ended.signal != expected and ended.outcome != "done":
            yield f"ended by signal {ended.signal}"
        elif not ended.signal and ended.outcome not in ("done", "refused"):
            yield f"{ended.outcome}: {ended.said}"

    def _afterwards(self, out: Path, fault: str) -> Iterator[str]:
        yield from (f"half a file: {one}" for one in half_files(out))
        if fault != "kill -9":
            yield from (f"left over: {one}" for one in leftovers(out))
        again = forked(lambda: self._run(out))
        if again.outcome != "done":
            yield f"not done again: {again.outcome} {again.said}"
            return
        found = self.task.figures(out)
        differ = sorted(name for name in {*self.expected, *found} if not self._same(found, name))
        yield from (f"other when done again: {name}" for name in differ)
        yield from (f"left over when done again: {one}" for one in leftovers(out))

    def _same(self, found: Mapping[str, str | float], name: str) -> bool:
        one, other = self.expected.get(name), found.get(name)
        if isinstance(one, float) and isinstance(other, float):
            return math.isclose(one, other, rel_tol=_SAME_FIGURE)
        return one == other


def _must(ended: Exit) -> Exit:
    if ended.outcome != "done":
        raise RuntimeError(f"without a fault: {ended}")
    return ended


def break_tasks(names: list[str], faults: list[str], points: int, seed: int, folder: Path) -> Iterator[Broken]:
    """Break tasks off by faults, each at up to ``points`` changes and at all sizes of files."""
    for name in names:
        breaker = Breaker(TASKS[name], folder)
        for fault in faults:
            yield from (breaker.broken(fault, point) for point in breaker.points(points, seed))
        yield from (breaker.limited(size) for size in _FILE_LIMITS_BYTES)


def table(trials: list[Broken]) -> str:
    """The table in Markdown, then every problem once with a command line."""
    counts = Counter((one.task, one.fault) for one in trials)
    bad = Counter((one.task, one.fault) for one in trials if one.problems)
    lines = ["| what is written | fault | points | with a problem |", "| --- | --- | --- | --- |"]
    lines += [f"| {TASKS[task].title} | {fault} | {n} | {bad[task, fault]} |" for (task, fault), n in counts.items()]
    first: dict[str, Broken] = {}
    for one in trials:
        for problem in one.problems:
            first.setdefault(f"{one.task}, {one.fault}: {problem[:200]}", one)
    return "\n".join([*lines, "", *(f"- {problem}\n  `{one.replay}`" for problem, one in first.items())])
