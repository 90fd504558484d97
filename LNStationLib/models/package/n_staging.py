"""Packages that stage a patient on PET/CT: one network gives the N category and each station a logit."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from LNStationLib.models.package.parts import CardRow
from LNStationLib.models.package.station_patches import PatientOfPatches

STAGER = "stager"
"""Role of the one network."""
STAGES = ("N0", "N1", "N2", "N3")
"""In the order of the network's logits."""


class NStagingSection(PatientOfPatches):
    """N category of a lung tumor from patches of all stations and the tumor's side.

    Probabilities and operating points are of stations; those of the N category are the softmax of its logits.
    """

    task: ClassVar[str] = "n_staging"
    task_title: ClassVar[str] = "N category on PET/CT"
    roles: ClassVar[tuple[str, ...]] = (STAGER,)

    rules: Literal["tnm8", "tnm9", "petct_paper"] = Field(
        description="Rules by which its training patients were staged."
    )

    def card_rows(self) -> list[CardRow]:
        """The rules beside what the stations have."""
        return [CardRow("N category by", (self.rules,)), *super().card_rows()]
