"""Interface of a method that parses stations."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from LNStationLib.state.method import Method, MethodOptions
from LNStationLib.state.patient_state import PatientState
from LNStationLib.state.station_map import StationMap
from LNStationLib.support.progress import Progress


class StationMethod(Method, Protocol):
    """Turns a CT and its organs into stations. After an edit a reader's map takes the place of its own."""

    def run(self, state: PatientState, options: MethodOptions, progress: Progress) -> StationMap:
        """Parse the stations.

        Args:
            state: With the CT on the working grid and the organs on it.
            options: Of this method.
            progress: Told the running step.
        """
        ...


@runtime_checkable
class ChecksItself(Protocol):
    """A method that needs more than the case and a model package, and can say beforehand that it lacks it."""

    def check(self, options: MethodOptions) -> None:
        """Make sure, before the long work, that the method can run.

        Raises:
            InputError: Something is missing; one sentence says what.
        """
        ...
