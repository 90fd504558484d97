"""Keep the values of headers out of warnings and logs: the libraries quote what they find odd, names among it."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

_LIBRARIES = ("highdicom", "pydicom")


@contextmanager
def no_values_told() -> Iterator[None]:
    """Within the block highdicom and pydicom warn of nothing; errors pass."""
    loggers = [logging.getLogger(name) for name in _LIBRARIES]
    before = [logger.level for logger in loggers]
    try:
        for logger in loggers:
            logger.setLevel(logging.ERROR)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)
