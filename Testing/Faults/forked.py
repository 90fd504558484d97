"""Work in a process that is forked for it, with how it ended."""

from __future__ import annotations

import json
import os
import signal
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from Testing.Faults.verdicts import of_exception


@dataclass(frozen=True)
class Exit:
    """How the process ended.

    Attributes:
        signal: That ended it; 0 where it ended by itself.
        outcome: ``"done"``, or what an exception means to a user (``verdicts.Outcome``).
        said: The sentence, where the defect lies, or what the work returned.
    """

    signal: int
    outcome: str
    said: Any = ""


def forked(work: Callable[[], Any], limit_s: float = 300.0) -> Exit:
    """Run work in a fork of this process, silently; after the limit it is ended."""
    source, sink = os.pipe()
    sys.stdout.flush()
    sys.stderr.flush()
    child = os.fork()
    if child == 0:
        os.close(source)
        _child(work, sink, limit_s)
    os.close(sink)
    with os.fdopen(source, "rb") as pipe:
        text = pipe.read()
    status = os.waitpid(child, 0)[1]
    number = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
    if number:
        return Exit(number, "hang" if number == signal.SIGALRM else "crash", f"signal {number}")
    return Exit(0, *json.loads(text)) if text else Exit(0, "crash", f"status {status}")


def _child(work: Callable[[], Any], sink: int, limit_s: float) -> None:
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, limit_s)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for number in (1, 2):
        os.dup2(nowhere, number)
    try:
        answer = ["done", work()]
    except BaseException as error:
        answer = list(of_exception(error, ()))
        if answer[0] == "traceback":
            answer[1] += " | " + "".join(traceback.format_exception(error))[-1500:]
    os.write(sink, json.dumps(answer).encode()[:60_000])
    os._exit(0)
