"""What takes seconds to make and several test files need: made once in a test run, whichever process asks first."""

from __future__ import annotations

import hashlib
import os
import pickle
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import ParamSpec, TypeVar, cast

FOLDER_VARIABLE = "LNSTATION_TESTS_MADE"
"""Names the folder of this test run; without it every process makes its own."""
KEPT = 4
"""Results of one function that a process holds; the others are read back from the folder. A phantom with its station
truth takes hundreds of megabytes, and a process runs thousands of tests."""
P = ParamSpec("P")
Result = TypeVar("Result")


def made_once(make: Callable[P, Result]) -> Callable[P, Result]:
    """Like ``functools.cache``, for all processes of a test run; arguments need a ``repr`` that tells them apart.

    Two processes that ask at the same moment both make it: a lock could outlive a killed test.
    """

    @lru_cache(KEPT if FOLDER_VARIABLE in os.environ else None)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> Result:
        folder = os.environ.get(FOLDER_VARIABLE)
        if folder is None:
            return make(*args, **kwargs)
        key = f"{make.__module__}.{make.__qualname__}{args!r}{sorted(kwargs.items())!r}"
        path = Path(folder) / hashlib.sha256(key.encode()).hexdigest()
        if path.exists():
            return cast(Result, pickle.loads(path.read_bytes()))
        result = make(*args, **kwargs)
        unfinished = path.with_suffix(f".{os.getpid()}")
        unfinished.write_bytes(pickle.dumps(result, pickle.HIGHEST_PROTOCOL))
        unfinished.replace(path)
        return result

    return cast(Callable[P, Result], wrapper)
