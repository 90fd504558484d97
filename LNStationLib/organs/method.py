"""What a method that finds organs takes and returns."""

from __future__ import annotations

from typing import Protocol

from LNStationLib.state.method import Method, MethodOptions
from LNStationLib.state.organ_set import OrganSet
from LNStationLib.state.patient_state import PatientState
from LNStationLib.support.progress import Progress


class OrganMethod(Method, Protocol):
    """Finds the organs of a patient. They do not change with stations or nodes."""

    def run(self, state: PatientState, options: MethodOptions, progress: Progress) -> OrganSet:
        """Find organs and landmarks, each with its source.

        Args:
            state: With the CT on the working grid.
            options: Of this method.
            progress: Told the running step.

        Raises:
            InputError: The CT shows no body, or what the method needs is not installed.
            GeometryError: The image is upside down or front to back.
        """
        ...
