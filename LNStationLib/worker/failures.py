"""From exceptions to the errors of the protocol, and to the log, without anything that identifies a patient."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Iterable, Iterator
from pathlib import PurePath
from typing import Any

from LNStationLib.support.errors import CancelledError, InputError
from LNStationLib.worker.messages import ErrorCode, Failure
from LNStationLib.worker.volume_files import VolumeError

_log = logging.getLogger(__name__)
_ALLOCATION = ("bad_alloc", "failed to allocate memory", "cannot allocate memory", "not enough memory")
_MIN_SECRET_CHARACTERS = 3
"""Shorter names would blank out ordinary words."""


class UnknownCaseError(Exception):
    """There is no case of that key."""


def failure_of(error: BaseException) -> Failure:
    """The error that a request is answered with."""
    kind = {"type": type(error).__name__}
    if isinstance(error, CancelledError):
        return Failure(ErrorCode.CANCELLED, "Cancelled.")
    if _is_out_of_memory(error):
        return Failure(
            ErrorCode.OUT_OF_MEMORY,
            "There is not enough memory: close other cases or programs, or choose a larger working spacing.",
        )
    if isinstance(error, UnknownCaseError):
        return Failure(ErrorCode.UNKNOWN_CASE, str(error))
    if isinstance(error, InputError):
        return Failure(ErrorCode.INPUT_ERROR, str(error), kind)
    if isinstance(error, VolumeError) or type(error).__name__ == "ParamsError":
        return Failure(ErrorCode.INVALID_PARAMS, str(error), kind)
    name = type(error).__name__
    return Failure(ErrorCode.INTERNAL_ERROR, f"Defect in LNStation ({name}); the worker's log says more.", kind)


def _is_out_of_memory(error: BaseException) -> bool:
    """ITK reports a failed allocation as a ``RuntimeError``."""
    text = str(error).lower() if isinstance(error, RuntimeError) else ""
    return isinstance(error, MemoryError) or any(sign in text for sign in _ALLOCATION)


def log_defect(error: BaseException, method: str, params: dict[str, Any]) -> None:
    """Write the traceback to the log; whatever stood in the parameters (names, paths, notes) is redacted out."""
    lines = "".join(traceback.format_exception(error))
    _log.error("%s failed\n%s", method, redacted(lines, params))


def redacted(text: str, params: dict[str, Any]) -> str:
    """``text`` without any string that occurs in ``params``, nor any folder of a path there."""
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
