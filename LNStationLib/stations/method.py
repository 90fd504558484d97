"""Interface of a method that parses stations."""

from __future__ import annotations

from typing import Protocol

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
