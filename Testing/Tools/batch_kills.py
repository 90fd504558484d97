"""Kill a batch and its workers, run it again, and compare the tables: the long form of the tests of batches.

    python -m Testing.Tools.batch_kills --cases FOLDER --out EMPTY_FOLDER -- [OPTIONS OF batch]
    python -m Testing.Tools.batch_kills --cases FOLDER --out EMPTY_FOLDER --points 60 -- [OPTIONS OF batch]

Runs the cases four times, each into a folder of its own, by the commands that docs/batch.md shows: undisturbed;
killed once cases have begun and run again; interrupted as by Ctrl-C and run again; and by a scheduler and two
workers, each a process of its own, of which one is killed. Says for each whether the tables are the same byte for
byte; ends with 1 where they are not.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import psutil

from Testing.Faults.whole_files import half_files

ROOT = Path(__file__).resolve().parents[2]
TABLES = ("cases", "stations", "nodes", "failures")
_LONGEST_S = 3600


def command(name: str, *options: str) -> list[str]:
    return [sys.executable, "-m", "LNStationLib", name, *options]


def started(arguments: Sequence[str]) -> subprocess.Popen[str]:
    """In a process group of its own, so that a signal can reach all of it as Ctrl-C does."""
    variables = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        arguments, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=variables, start_new_session=True
    )


def until(condition: object, what: str) -> None:
    end = time.monotonic() + _LONGEST_S
    while time.monotonic() < end:
        if callable(condition) and condition():
            return
        time.sleep(0.1)
    raise TimeoutError(what)


def begun(out: Path, done: int) -> bool:
    """At least so many cases are finished and another has begun."""
    cases, unfinished = out / "cases", out / ".unfinished"
    return cases.is_dir() and len(list(cases.iterdir())) >= done and any(unfinished.glob("*"))


def finished(process: subprocess.Popen[str]) -> str:
    said, _ = process.communicate(timeout=_LONGEST_S)
    if process.returncode != 0:
        raise RuntimeError(f"exit code {process.returncode}: {said}")
    return said


def cut_short(arguments: Sequence[str], out: Path, how: int, done: int = 1) -> str:
    process = started(arguments)
    until(lambda: begun(out, done) or process.poll() is not None, "no case began")
    if how == signal.SIGKILL:
        process.kill()
    else:
        os.killpg(process.pid, how)
    said, _ = process.communicate(timeout=_LONGEST_S)
    return f"exit code {process.returncode}: {said.splitlines()[-1] if said else 'nothing said'}"


@contextmanager
def services() -> Iterator[tuple[str, list[subprocess.Popen[str]]]]:
    """A scheduler and two workers on the loopback."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"tcp://127.0.0.1:{port}"
    running = [started(command("batch-scheduler", "--port", str(port)))]
    try:
        running += [started(command("batch-worker", address, "--threads", "1")) for _ in range(2)]
        yield address, running[1:]
    finally:
        for process in running:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(_LONGEST_S)


def by_scheduler(batch: Sequence[str], out: Path) -> str:
    with services() as (address, workers):
        process = started([*batch, "--out", str(out), "--scheduler", address])
        until(lambda: begun(out, 1) or process.poll() is not None, "no case began")
        os.killpg(workers[0].pid, signal.SIGKILL)
        finished(process)
    return "one of two workers was killed"


def same(one: Path, other: Path) -> bool:
    names = [f"{table}{ending}" for table in TABLES for ending in (".csv", ".parquet")]
    return all((one / name).read_bytes() == (other / name).read_bytes() for name in names)


@dataclass
class Kills:
    """Batches that are killed at random moments.

    Attributes:
        batch: The command without its output folder.
        whole: Output of an undisturbed run.
        seconds: That it took.
        counts: Kills so far, by what was killed.
        problems: Half files, other tables, ends with an error.
    """

    batch: Sequence[str]
    whole: Path
    seconds: float
    rng: np.random.Generator
    counts: dict[str, int] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    @property
    def count(self) -> int:
        """Kills so far."""
        return sum(self.counts.values())

    def kill(self, out: Path, points: int) -> int:
        """Kill so often, over one batch after another; how many batches ended."""
        ended = 0
        while self.count < points:
            process = self._started(out)
            while process.poll() is None and self.count < points:
                self._wait_and_kill(process, out)
            if process.returncode != -signal.SIGKILL:
                ended += self._ended(process, out)
        return ended + (self._ended(self._started(out), out) if out.is_dir() else 0)

    def _started(self, out: Path) -> subprocess.Popen[str]:
        return started([*self.batch, "--out", str(out), "--workers", "2"])

    def _wait_and_kill(self, process: subprocess.Popen[str], out: Path) -> None:
        """Nothing where it ends first."""
        try:
            process.wait(self.rng.uniform(0, self.seconds))
            return
        except subprocess.TimeoutExpired:
            what = self._killed(process)
        self.counts[what] = self.counts.get(what, 0) + 1
        print(f"kill {self.count}: {what}", file=sys.stderr, flush=True)
        if (out / "cases").is_dir():
            self.problems += [f"after a kill of {what}: {one}" for one in half_files(out / "cases")]

    def _killed(self, process: subprocess.Popen[str]) -> str:
        what = str(self.rng.choice(["the command", "all processes", "a worker"]))
        if what == "a worker" and _kill_worker(process.pid, self.rng):
            return what
        if what == "all processes":
            os.killpg(process.pid, signal.SIGKILL)
        else:
            what = "the command"
            process.kill()
        process.communicate(timeout=_LONGEST_S)
        return what

    def _ended(self, process: subprocess.Popen[str], out: Path) -> int:
        """Let it end, and compare; a case that lost its worker too often is tried again by the next run."""
        said, _ = process.communicate(timeout=_LONGEST_S)
        if process.returncode == 0 and not same(self.whole, out):
            said = finished(self._started(out))
        if process.returncode != 0 or not same(self.whole, out):
            self.problems.append(f"exit code {process.returncode}, or other tables: {said[-300:]}")
        shutil.rmtree(out, ignore_errors=True)
        return 1


def _kill_worker(command: int, rng: np.random.Generator) -> bool:
    """Kill one worker of a batch; False where there is none yet."""
    try:
        children = [one for one in psutil.Process(command).children() if "spawn_main" in " ".join(one.cmdline())]
    except psutil.Error:
        return False
    if not children:
        return False
    children[int(rng.integers(len(children)))].kill()
    return True


def kill_often(batch: Sequence[str], whole: Path, seconds: float, points: int, seed: int) -> int:
    """Kill at random moments and say how often and what came of it."""
    kills = Kills(batch, whole, seconds, np.random.default_rng(seed))
    ended = kills.kill(whole.parent / "killed", points)
    told = ", ".join(f"{count} of {what}" for what, count in sorted(kills.counts.items()))
    print(f"{sum(kills.counts.values())} kills ({told}); {ended} batches ended, {len(kills.problems)} problems")
    for problem in kills.problems:
        print(f"- {problem}")
    return int(bool(kills.problems))


def main() -> int:
    """Run the four and compare, or kill at random moments."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--points", type=int, help="kill so often, at random moments, instead")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("options", nargs="*", help="options of batch, after --")
    given = parser.parse_args()
    batch = command("batch", "--cases", str(given.cases), *given.options)
    whole, start = given.out / "whole", time.monotonic()
    finished(started([*batch, "--out", str(whole), "--workers", "2"]))
    if given.points:
        return kill_often(batch, whole, time.monotonic() - start, given.points, given.seed)
    return compare(batch, whole)


def compare(batch: Sequence[str], whole: Path) -> int:
    """Kill, interrupt and rob of a worker, and compare with an undisturbed run."""
    failures = 0
    for name in ("killed", "interrupted", "scheduler"):
        out, start = whole.parent / name, time.monotonic()
        local = [*batch, "--out", str(out), "--workers", "2"]
        if name == "scheduler":
            said = by_scheduler(batch, out)
        else:
            said = cut_short(local, out, signal.SIGKILL if name == "killed" else signal.SIGINT)
            finished(started(local))
        equal = same(whole, out)
        failures += not equal
        seconds = time.monotonic() - start
        print(f"{name}: {'same tables' if equal else 'OTHER TABLES'} after {seconds:.0f} s ({said})", flush=True)
    return int(failures > 0)


if __name__ == "__main__":
    sys.exit(main())
