"""Progress of a long computation: a callable that steps report to, and may cancel from."""

from collections.abc import Callable

Progress = Callable[[str, float], None]
"""Called with the title of the running step and the fraction done in [0, 1]; may raise ``CancelledError``."""


def silent(step: str, fraction: float) -> None:
    """Report nothing."""


def portion(progress: Progress, start: float, end: float) -> Progress:
    """Return a progress that maps a sub-computation's [0, 1] onto ``[start, end]`` of ``progress``."""

    def report(step: str, fraction: float) -> None:
        progress(step, start + (end - start) * min(max(fraction, 0.0), 1.0))

    return report
