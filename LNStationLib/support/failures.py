"""What an error was, and its words without what identifies a patient."""

from __future__ import annotations

import errno
from collections.abc import Iterable, Iterator
from pathlib import PurePath
from typing import Any

_ALLOCATION = (
    "bad_alloc",
    "failed to allocate memory",
    "cannot allocate memory",
    "not enough memory",
    "failed to map segment",
)
_MIN_SECRET_CHARACTERS = 3
"""Shorter names would blank out ordinary words."""


def is_out_of_memory(error: BaseException) -> bool:
    """Whether memory was lacking; ITK reports it as a ``RuntimeError``, the loader as an ``ImportError``."""
    text = str(error).lower() if isinstance(error, RuntimeError | ImportError) else ""
    lacking = isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno == errno.ENOMEM)
    return lacking or any(sign in text for sign in _ALLOCATION)


def redacted(text: str, params: Any) -> str:
    """``text`` without any string that occurs in ``params``, nor any folder of a path there.

    Args:
        text: Say, a traceback.
        params: Strings, in dictionaries and lists of any depth.
    """
    for secret in sorted(set(_secrets(params)), key=len, reverse=True):
        text = text.replace(secret, "<...>")
    return text


def _secrets(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        parts: Iterable[str] = (value, str(PurePath(value)), *PurePath(value).parts[1:])
        yield from (part for part in parts if len(part) >= _MIN_SECRET_CHARACTERS)
    elif isinstance(value, dict):
        for item in value.values():
            yield from _secrets(item)
    elif isinstance(value, list):
        for item in value:
            yield from _secrets(item)
