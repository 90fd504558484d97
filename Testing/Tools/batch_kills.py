"""Kill a batch and its workers, run it again, and compare the tables: the long form of the tests of batches.

    python -m Testing.Tools.batch_kills --cases FOLDER --out EMPTY_FOLDER -- [OPTIONS OF batch]

Runs the cases four times, each into a folder of its own, by the commands that docs/batch.md shows: undisturbed;
killed once cases have begun and run again; interrupted as by Ctrl-C and run again; and by a scheduler and two
workers, each a process of its own, of which one is killed. Says for each whether the tables are the same byte for
byte; ends with 1 where they are not.
"""

from __future__ import annotations

import argparse
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

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


def main() -> int:
    """Run the four and compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("options", nargs="*", help="options of batch, after --")
    given = parser.parse_args()
    batch = command("batch", "--cases", str(given.cases), *given.options)
    whole = given.out / "whole"
    finished(started([*batch, "--out", str(whole), "--workers", "2"]))
    failures = 0
    for name in ("killed", "interrupted", "scheduler"):
        out, start = given.out / name, time.monotonic()
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
