"""How long the event loop of a Qt program stands still."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from types import TracebackType

import qt

TICK_MS = 5


@dataclass(frozen=True)
class Pause:
    """One turn of the event loop that took long.

    Attributes:
        wall_s: Seconds between two ticks, less the tick's own interval.
        cpu_s: Of them, seconds in which the GUI thread itself computed; in the rest it waited for the processor.
    """

    wall_s: float
    cpu_s: float


@dataclass
class Watchdog:
    """Ticks in the event loop and keeps the longest pauses between two ticks; used by ``with``.

    Attributes:
        longest: The longest pause by wall clock.
        busiest: The pause in which the GUI thread computed longest.
        wall_s: Seconds that were watched.
        cpu_s: Seconds that the GUI thread computed meanwhile.
    """

    longest: Pause = Pause(0.0, 0.0)
    busiest: Pause = Pause(0.0, 0.0)
    wall_s: float = 0.0
    cpu_s: float = 0.0
    _timer: qt.QTimer = field(default_factory=qt.QTimer, repr=False)

    def __enter__(self) -> Watchdog:
        self._start = self._last = (time.perf_counter(), time.thread_time())
        self._timer.interval = TICK_MS
        self._timer.timeout.connect(self._tick)
        self._timer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._tick()
        self._timer.stop()
        self._timer.timeout.disconnect(self._tick)
        self.wall_s, self.cpu_s = self._last[0] - self._start[0], self._last[1] - self._start[1]

    def _tick(self) -> None:
        now = (time.perf_counter(), time.thread_time())
        pause = Pause(max(now[0] - self._last[0] - TICK_MS / 1000, 0.0), now[1] - self._last[1])
        self._last = now
        if pause.wall_s > self.longest.wall_s:
            self.longest = pause
        if pause.cpu_s > self.busiest.cpu_s:
            self.busiest = pause
