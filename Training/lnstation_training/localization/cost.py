"""What a piece of work took: by the clock, which other work on the machine stretches, and of processors."""

from __future__ import annotations

import os
import time

from pydantic import BaseModel, ConfigDict


class Cost(BaseModel):
    """Seconds of one piece of work.

    Attributes:
        seconds: By the clock.
        cpu_seconds: Of processors: of this process, and of those that it started and that have ended (not of the
            latter on Windows).
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    seconds: float
    cpu_seconds: float


class Stopwatch:
    """Runs from when it is made."""

    def __init__(self) -> None:
        self._clock, self._cpu = time.perf_counter(), _cpu_seconds()

    def read(self) -> Cost:
        """Since it was made, to a millisecond."""
        seconds, cpu_seconds = time.perf_counter() - self._clock, _cpu_seconds() - self._cpu
        return Cost(seconds=round(seconds, 3), cpu_seconds=round(cpu_seconds, 3))


def _cpu_seconds() -> float:
    return sum(os.times()[:4])
