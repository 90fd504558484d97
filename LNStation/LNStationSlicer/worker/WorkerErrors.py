"""What can go wrong between Slicer and its worker, in sentences for the user."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from LNStationLib.worker.messages import ErrorCode, Failure
from LNStationSlicer.support.Translation import _

ErrorKind = Literal["input", "cancelled", "memory", "unknown_case", "internal", "died", "timeout", "start"]

_KINDS: dict[int, ErrorKind] = {
    ErrorCode.INPUT_ERROR: "input",
    ErrorCode.CANCELLED: "cancelled",
    ErrorCode.OUT_OF_MEMORY: "memory",
    ErrorCode.UNKNOWN_CASE: "unknown_case",
}


@dataclass(frozen=True)
class WorkerError:
    """Why a request got no result.

    Attributes:
        kind: For the program. ``"input"``: the worker refused the input; ``"died"``: its process ended unasked;
            ``"start"``: it could not be started; ``"internal"``: a defect, on either side.
        message: For the user, one or two sentences.
        details: The worker's last lines, where they help; else empty.
    """

    kind: ErrorKind
    message: str
    details: str = ""


def answered(failure: Failure, lastLines: str) -> WorkerError:
    """What the worker answered."""
    kind = _KINDS.get(failure.code, "internal")
    message = failure.message
    if kind == "memory":
        message = _("The worker ran out of memory. Close other programs or choose a larger working voxel.")
    if kind == "cancelled":
        message = _("Cancelled. Nothing was changed.")
    return WorkerError(kind, message, lastLines if kind in ("internal", "memory") else "")


def died(exitText: str, lastLines: str) -> WorkerError:
    """The process ended unexpectedly."""
    message = _("The worker stopped unexpectedly ({how}). It restarts with the next request.")
    return WorkerError("died", message.format(how=exitText), lastLines)


def timedOut(method: str, seconds: float, lastLines: str) -> WorkerError:
    """A request took too long, or the worker gave no sign of life."""
    message = _("The worker was stopped: '{method}' did not respond for {seconds} seconds.")
    return WorkerError("timeout", message.format(method=method, seconds=round(seconds)), lastLines)


def cancelled() -> WorkerError:
    """The user cancelled and the worker had to be stopped for it."""
    return WorkerError("cancelled", _("Cancelled. Nothing was changed."))


def notStarted(reason: str, lastLines: str = "") -> WorkerError:
    """The worker could not be started."""
    return WorkerError("start", _("The worker could not be started: {reason}").format(reason=reason), lastLines)
