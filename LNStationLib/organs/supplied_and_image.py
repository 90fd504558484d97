"""Organs from supplied masks, and from the image where there are none."""

from __future__ import annotations

from LNStationLib.organs.find import find_organs
from LNStationLib.organs.network import missing_organs, switched_off
from LNStationLib.state.method import MethodOptions, NoOptions
from LNStationLib.state.needs import Need
from LNStationLib.state.organ_set import OrganSet
from LNStationLib.state.patient_state import PatientState
from LNStationLib.support.progress import Progress


class SuppliedAndImage:
    """Supplied masks first, then organs derived from them, from the image, and surrogates."""

    name = "supplied_and_image"
    title = "Supplied masks and image"
    options: type[MethodOptions] = NoOptions
    needs: tuple[Need, ...] = ()
    references: tuple[str, ...] = ()
    package_task: str | None = None

    def run(self, state: PatientState, options: MethodOptions, progress: Progress) -> OrganSet:
        """Find the organs; see :class:`LNStationLib.organs.method.OrganMethod`."""
        organs = find_organs(state.case, state.working_ct, progress)
        if state.settings.organs.method is None and missing_organs(state.case) and not switched_off():
            organs.warn("found_without_network")
        return organs
