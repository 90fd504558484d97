"""Faulty inputs in processes that are forked warm: a crash or a hang ends one of them, never the run.

Nothing heavy may have run in the process that forks, only imports: threads do not survive a fork.
"""

from __future__ import annotations

import faulthandler
import json
import os
import re
import select
import shutil
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from Testing.Faults.guards import Sandbox, Watch
from Testing.Faults.kinds.kind import Kind
from Testing.Faults.verdicts import Ended, Outcome, is_ours, of_exception

MEMORY_BYTES = 6 * 1024**3
"""Addresses of a process; the inputs take a few megabytes, imports of torch two gigabytes."""
WALL_S = 90.0
"""An input that waits, for a pipe or a lock, is ended by this; one that computes by its kind's ``limit_s``."""
INPUTS_PER_PROCESS = 50
"""A process may carry over something of one input to the next; forking costs as much as a few inputs."""
_HARNESS_FAILED = 70
"""Exit status of a process that could not make an input: nothing is known of the reader."""
_STACKS = "stacks.txt"
"""Where a process that crashes or hangs leaves its stack."""
_ENDS_WITHIN_S = 3
"""A crash takes its time where memory is given back."""


def run_inputs(kind: Kind, seeds: Sequence[int], folder: Path) -> Iterator[Ended]:
    """Make, read and judge inputs.

    Args:
        kind: What they are.
        seeds: One for each.
        folder: For what they are made from and for sandboxes; what is a defect stays there.
    """
    originals = folder / f"originals-{kind.name}"
    if not originals.is_dir():
        _in_process_of_its_own(lambda: _prepare(kind, originals))
    kind.warm_up()
    waiting = list(seeds)
    while waiting:
        for ended in _forked(kind, waiting[:INPUTS_PER_PROCESS], originals, folder):
            waiting.remove(ended.seed)
            yield ended


def _prepare(kind: Kind, originals: Path) -> None:
    unfinished = originals.with_name(f"{originals.name}-{os.getpid()}")
    unfinished.mkdir(parents=True)
    kind.prepare(unfinished)
    unfinished.rename(originals)


def _in_process_of_its_own(work: Callable[[], None]) -> None:
    child = os.fork()
    if child == 0:
        code = 1
        try:
            work()
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(code)
    if os.waitpid(child, 0)[1] != 0:
        raise RuntimeError("the originals could not be made")


def _forked(kind: Kind, seeds: Sequence[int], originals: Path, folder: Path) -> Iterator[Ended]:
    """Run seeds in one process until they are done, or until it dies of one."""
    source, sink = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(source)
        code = _HARNESS_FAILED
        try:
            _child(kind, seeds, originals, folder, sink)
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    os.close(sink)
    done = 0
    begun = time.perf_counter()
    for line in _lines(source):
        yield Ended(**json.loads(line))
        done, begun = done + 1, time.perf_counter()
    os.close(source)
    status = _ended_status(child)
    if os.WIFEXITED(status) and os.WEXITSTATUS(status) == _HARNESS_FAILED:
        raise RuntimeError(f"{kind.name} {seeds[done]} could not be made")
    if done < len(seeds):
        yield _died(kind, seeds[done], folder, status, time.perf_counter() - begun)


def _ended_status(child: int) -> int:
    """How a process ended that has closed its pipe, or whose time is over."""
    for _ in range(_ENDS_WITHIN_S * 10):
        found, status = os.waitpid(child, os.WNOHANG)
        if found:
            return status
        time.sleep(0.1)
    os.kill(child, signal.SIGKILL)
    return os.waitpid(child, 0)[1]


def _lines(source: int) -> Iterator[bytes]:
    """Lines until the end, or until none comes for too long."""
    text = b""
    while select.select([source], [], [], WALL_S)[0]:
        chunk = os.read(source, 1 << 16)
        if not chunk:
            return
        *lines, text = (text + chunk).split(b"\n")
        yield from lines


def _died(kind: Kind, seed: int, folder: Path, status: int, seconds: float) -> Ended:
    number = os.WTERMSIG(status)
    hung = number in (signal.SIGPROF, signal.SIGXCPU) or seconds >= WALL_S
    limit = f"no end within {kind.limit_s:g} s of processor time or {WALL_S:g} s"
    place = _place_in(_text(folder / _STACKS))
    said = f"{place}: {limit if hung else f'signal {number}'}"
    what = _text(_sandbox(kind, seed, folder) / "what.txt")
    return Ended(kind.name, seed, what, "hang" if hung else "crash", said, seconds)


def _place_in(stacks: str) -> str:
    """The project's last frame in what ``faulthandler`` wrote, which begins with the innermost."""
    frames = re.findall(r'File "([^"]+)", line (\d+) in (\S+)', stacks)
    ours = [frame for frame in frames if is_ours(frame[0])]
    file, line, function = (ours or frames or [("nowhere", "0", "?")])[0]
    return f"{Path(file).name}:{line} {function}"


def _sandbox(kind: Kind, seed: int, folder: Path) -> Path:
    return folder / f"{kind.name}-{seed}"


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""


def _child(kind: Kind, seeds: Sequence[int], originals: Path, folder: Path, sink: int) -> None:
    import resource

    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    stacks = (folder / _STACKS).open("w")
    faulthandler.enable(stacks, all_threads=False)
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    faulthandler.register(signal.SIGPROF, stacks, all_threads=False, chain=True)
    watch = Watch()
    for seed in seeds:
        ended = _judged(kind, seed, originals, _sandbox(kind, seed, folder), watch)
        os.write(sink, json.dumps(ended.__dict__).encode() + b"\n")


def _judged(kind: Kind, seed: int, originals: Path, place: Path, watch: Watch) -> Ended:
    shutil.rmtree(place, ignore_errors=True)
    box = Sandbox(place)
    box.make()
    signal.setitimer(signal.ITIMER_PROF, kind.limit_s)
    what = kind.write(np.random.default_rng([seed, *kind.name.encode()]), originals, box.input)
    (place / "what.txt").write_text(what, encoding="utf-8", errors="replace")
    start = time.perf_counter()
    outcome, said = _watched(kind, box, watch)
    seconds = time.perf_counter() - start
    signal.setitimer(signal.ITIMER_PROF, 0)
    if outcome in ("accepted", "refused"):
        shutil.rmtree(place, ignore_errors=True)
    return Ended(kind.name, seed, what, outcome, said, seconds)


def _watched(kind: Kind, box: Sandbox, watch: Watch) -> tuple[Outcome, str]:
    """Read the input under watch; what it did wrong goes before what it said."""
    printed = box.folder / "stderr.txt"
    with watch.over(box), _descriptors_to(printed):
        try:
            outcome, said = "accepted", kind.read(box.input, box.out)
        except BaseException as error:
            outcome, said = of_exception(error, kind.refusals)
    if box.pickles:
        return "pickle", box.pickles[0]
    if box.outside or box.left():
        return "wrote outside", (box.outside or box.left())[0]
    if outcome in ("accepted", "refused") and (text := _text(printed).strip()):
        return "noise", text[-300:]
    return outcome, said


class _descriptors_to:  # noqa: N801  (used like a function)
    """Standard output and error into a file, past Python too."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> None:
        sys.stdout.flush()
        sys.stderr.flush()
        self._saved = [os.dup(number) for number in (1, 2)]
        target = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        for number in (1, 2):
            os.dup2(target, number)
        os.close(target)

    def __exit__(self, *_: object) -> None:
        sys.stdout.flush()
        sys.stderr.flush()
        for number, saved in zip((1, 2), self._saved, strict=True):
            os.dup2(saved, number)
            os.close(saved)
