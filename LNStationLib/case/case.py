"""One case: the images and facts that came in, already checked."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import SimpleITK as sitk

from LNStationLib.case.node_edits import NodeEdits
from LNStationLib.imaging.thorax_view import ThoraxView
from LNStationLib.imaging.tracer import FDG
from LNStationLib.support.reason import Reason
from LNStationLib.support.types import Side

Cancer = Literal["lung", "esophagus"]


@dataclass(frozen=True)
class CaseFacts:
    """What is known of the patient beside the images; nothing identifying.

    Attributes:
        cancer: Primary cancer, or ``None`` where not given.
        tumor_side: The patient's side of a lung tumor, ``"L"`` or ``"R"``; ``None`` where not given.
        tumor_site: Free words such as "right upper lobe" or "middle third".
        sex: ``"F"``, ``"M"`` or ``"O"`` as in DICOM (0010,0040).
        age_years: Age in whole years.
        study_date: ISO date of the study, only where the user asked to keep it.
    """

    cancer: Cancer | None = None
    tumor_side: Side | None = None
    tumor_site: str | None = None
    sex: Literal["F", "M", "O"] | None = None
    age_years: int | None = None
    study_date: str | None = None


@dataclass(frozen=True)
class Case:
    """A checked case.

    Attributes:
        case_id: A name for the report; the folder's name or the user's, never a patient name from a header.
        ct: CT, int16 HU, three-dimensional, any orthonormal orientation, any spacing.
        pet: PET, float32 SUVbw, on its own grid; ``None`` where the case has none.
        pet_tracer: Its tracer, a name of ``Resources/Dicom/tracers.json`` or ``"other"``; ``None`` where nobody says.
        organ_masks: Canonical organ name to binary uint8 image, each overlapping the CT.
        organ_surrogates: Names in ``organ_masks`` that stand where an organ must be and was not seen.
        organ_origins: Canonical organ name to where its mask came from (a file name), same keys.
        organ_edits: Canonical organ name to what a reader drew in place of what was given or found: binary uint8, a
            box of the CT's grid; ``None`` where the reader took the organ away, so that none is looked for.
        nodes: Node masks as uint16 label map: 1 for a binary mask, otherwise one value per node; or ``None``.
        node_edits: What a reader decided about nodes.
        tumor: Binary uint8 mask of the primary tumor, or ``None``.
        facts: What is known of the patient.
        synthetic: True where the case was made by the phantom; every output then says so.
        thorax: What the checks saw of the chest in this CT, by which the working grid is known; ``None`` where they
            were not made: whoever puts another CT in its place leaves it out.
        warnings: What was odd about the input but could be worked with.
    """

    case_id: str
    ct: sitk.Image
    pet: sitk.Image | None = None
    pet_tracer: str | None = None
    organ_masks: dict[str, sitk.Image] = field(default_factory=dict)
    organ_origins: dict[str, str] = field(default_factory=dict)
    organ_edits: dict[str, sitk.Image | None] = field(default_factory=dict)
    organ_surrogates: frozenset[str] = frozenset()
    nodes: sitk.Image | None = None
    node_edits: NodeEdits = field(default_factory=NodeEdits)
    tumor: sitk.Image | None = None
    facts: CaseFacts = field(default_factory=CaseFacts)
    synthetic: bool = False
    thorax: ThoraxView | None = None
    warnings: tuple[Reason, ...] = ()

    @property
    def fdg_pet(self) -> sitk.Image | None:
        """The PET, unless it is known to be of another tracer than FDG."""
        return self.pet if self.pet_tracer in (FDG, None) else None

    @property
    def trusted_organs(self) -> dict[str, sitk.Image]:
        """Masks that no finder overwrites, by canonical organ name: a reader's, else those given."""
        masks = {**self.organ_masks, **self.organ_edits}
        return {name: mask for name, mask in masks.items() if mask is not None}
