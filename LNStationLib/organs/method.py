"""The interface of a method that finds organs."""

from __future__ import annotations

from typing import Protocol

from LNStationLib.state.method import Method, MethodOptions
from LNStationLib.state.organ_set import OrganSet
from LNStationLib.state.patient_state import PatientState
from LNStationLib.support.progress import Progress


class OrganMethod(Method, Protocol):
    """Finds the organs of a patient; edits of stations and nodes do not change them.

    After a reader's edit of organs it runs again, on a case whose ``organ_edits`` have the reader's masks. What its
    network gave, which it leaves in ``OrganSet.segmented``, is handed back then as ``PatientState.segmented_organs``,
    so that the network does not run again.
    """

    def run(self, state: PatientState, options: MethodOptions, progress: Progress) -> OrganSet:
        """Find organs and landmarks, each with its source.

        Args:
            state: The patient, with the CT on the working grid.
            options: Options of this method.
            progress: Called with the current step.

        Raises:
            InputError: The CT shows no body, or a package the method needs is not installed.
            GeometryError: The image is upside down or front to back.
        """
        ...
