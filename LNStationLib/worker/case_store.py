"""The cases that the worker keeps warm."""

from __future__ import annotations

from dataclasses import dataclass

from LNStationLib.case.case import Case
from LNStationLib.state.assessed_case import AssessedCase
from LNStationLib.worker.failures import UnknownCaseError


@dataclass(frozen=True)
class WarmCase:
    """A loaded case and, once there is one, its answer."""

    case: Case
    assessed: AssessedCase | None = None


class CaseStore:
    """Cases by the key that the client chose."""

    def __init__(self) -> None:
        self._cases: dict[str, WarmCase] = {}

    def get(self, key: str) -> WarmCase:
        """The case of a key.

        Raises:
            UnknownCaseError: There is none; the client loads it (again).
        """
        try:
            return self._cases[key]
        except KeyError:
            raise UnknownCaseError("The worker does not know this case: load it first.") from None

    def put(self, key: str, case: WarmCase) -> None:
        """Keep a case, in place of an earlier one of the same key."""
        self._cases[key] = case

    def remove(self, key: str) -> None:
        """Forget a case; nothing happens where there is none."""
        self._cases.pop(key, None)
