"""Interface of a method that derives the N category."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from LNStationLib.case.case import CaseFacts
from LNStationLib.state.assessment import NodeFinding, NStaging
from LNStationLib.state.method import Method, MethodOptions
from LNStationLib.state.patient_state import PatientState


@dataclass(frozen=True)
class StagingInput:
    """What a category follows from: the model's calls, or a reader's.

    Attributes:
        facts: Cancer and, for lung, the side of the tumor.
        positive_stations: Names with sides where known, e.g. ``"8R"``.
        not_assessed: Stations without a call. Where one of them could raise the category, only "at least" follows.
        nodes: Measured nodes with calls; none of a reader, who calls stations.
        patient: All else that is known; ``None`` where only calls are.
    """

    facts: CaseFacts
    positive_stations: Sequence[str]
    not_assessed: Sequence[str]
    nodes: Sequence[NodeFinding]
    patient: PatientState | None = None


class StagingMethod(Method, Protocol):
    """Derives the N category."""

    def check(self, options: MethodOptions) -> None:
        """Make sure, before any long work, that the method can run; nothing to do where it needs nothing.

        Raises:
            PackageError: A model package is missing or cannot be used.
            InputError: Something is not installed.
        """
        ...

    def rules(self, options: MethodOptions) -> str:
        """Name of the rule set, for the report."""
        ...

    def rule_references(self, options: MethodOptions) -> tuple[str, ...]:
        """Edition and source of the rule set."""
        ...

    def run(self, given: StagingInput, options: MethodOptions) -> NStaging:
        """Stage a patient of whom some station was assessed."""
        ...
