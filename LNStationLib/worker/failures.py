"""From exceptions to the errors of the protocol, and to the log, without anything that identifies a patient."""

from __future__ import annotations

import logging
import traceback
from typing import Any

from LNStationLib.support.errors import CancelledError, InputError
from LNStationLib.support.failures import is_out_of_memory, redacted
from LNStationLib.support.scarcity import remedy
from LNStationLib.worker.messages import ErrorCode, Failure
from LNStationLib.worker.volume_files import VolumeError

_log = logging.getLogger(__name__)


class UnknownCaseError(Exception):
    """There is no case of that key."""


def failure_of(error: BaseException) -> Failure:
    """The error that a request is answered with."""
    kind = {"type": type(error).__name__}
    if isinstance(error, CancelledError):
        return Failure(ErrorCode.CANCELLED, "Cancelled.")
    if is_out_of_memory(error):
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
    scarce = remedy(error)
    if scarce is not None:
        return Failure(ErrorCode.INPUT_ERROR, scarce, kind)
    name = type(error).__name__
    return Failure(ErrorCode.INTERNAL_ERROR, f"Defect in LNStation ({name}); the worker's log says more.", kind)


def log_defect(error: BaseException, method: str, params: dict[str, Any]) -> None:
    """Write the traceback to the log; whatever stood in the parameters (names, paths, notes) is redacted out."""
    lines = "".join(traceback.format_exception(error))
    _log.error("%s failed\n%s", method, redacted(lines, params))
