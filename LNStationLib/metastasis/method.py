"""Interface of a method that judges metastasis."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

from LNStationLib.state.method import Method, MethodOptions
from LNStationLib.state.node_result import NodeSearch
from LNStationLib.state.patient_state import PatientState
from LNStationLib.state.station_call import MetastasisResult
from LNStationLib.support.progress import Progress


class MetastasisMethod(Method, Protocol):
    """Calls nodes and stations positive, negative or not assessed."""

    def check(self, options: MethodOptions, search: NodeSearch | None) -> str | None:
        """Make sure, before any long work, that the method can run; what is loaded stays warm.

        Args:
            options: Of this method.
            search: How nodes will be looked for, where that is known.

        Returns:
            SHA-256 of the weights of its model; ``None`` without one.

        Raises:
            PackageError: The model package cannot be used.
            InputError: A package, a device or another setting that it needs is not there.
        """
        ...

    def run(
        self,
        state: PatientState,
        options: MethodOptions,
        progress: Progress,
        only: Collection[str] | None = None,
    ) -> MetastasisResult:
        """Assess all nodes and the stations of one patient.

        Args:
            state: With stations and nodes.
            options: Of this method.
            progress: Told the running step.
            only: Names of the stations to call, because nothing of the others changed; all where ``None``.
        """
        ...
