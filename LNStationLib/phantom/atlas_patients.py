"""Five synthetic patients to make atlases of, without nodes, varied in sex, habitus and arch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from LNStationLib.phantom.case import PhantomCase, render
from LNStationLib.phantom.patient import compact, draw_patient
from LNStationLib.phantom.preset import load_preset
from LNStationLib.phantom.station_truth.truth import station_truth
from LNStationLib.support.types import LabelArray

PIXEL_MM = 2.0
"""As fine as atlases of 2 mm and more need it."""
_SEED = 2022
"""Apart from those of cohorts and demo: an atlas is never of a patient that it is tested on."""


@dataclass(frozen=True)
class AtlasPatient:
    """What is chosen of a patient; all else is drawn.

    Attributes:
        name: Id of the atlas.
        title: For people.
        sex: ``"F"`` or ``"M"``.
        traits: Of ``Variation``.
    """

    name: str
    title: str
    sex: Literal["F", "M"]
    traits: Mapping[str, Any]


ATLAS_PATIENTS = (
    AtlasPatient(
        "synthetic-1", "Synthetic woman, slim", "F",
        {"size": 0.95, "length": 0.95, "fat_mm": 9.0, "mediastinal_fat_mm": 1.2, "arch": "normal"},
    ),
    AtlasPatient(
        "synthetic-2", "Synthetic woman, obese", "F",
        {"size": 0.98, "length": 0.98, "fat_mm": 24.0, "mediastinal_fat_mm": 3.6, "arch": "bovine"},
    ),
    AtlasPatient(
        "synthetic-3", "Synthetic man, average", "M",
        {"size": 1.01, "length": 1.0, "fat_mm": 11.0, "mediastinal_fat_mm": 2.0, "arch": "normal"},
    ),
    AtlasPatient(
        "synthetic-4", "Synthetic man, obese, bovine arch", "M",
        {"size": 1.04, "length": 1.02, "fat_mm": 22.0, "mediastinal_fat_mm": 3.8, "arch": "bovine"},
    ),
    AtlasPatient(
        "synthetic-5", "Synthetic man, slim, dilated and elongated aorta", "M",
        {"size": 1.0, "length": 1.04, "fat_mm": 6.0, "mediastinal_fat_mm": 1.4, "arch": "normal",
         "aortic_dilatation": 1.15, "aortic_elongation_mm": 5.0},
    ),
)  # fmt: skip
"""From slim to obese and with the two commonest arches; sizes lie within those of patients."""


def render_atlas_patient(patient: AtlasPatient) -> tuple[PhantomCase, LabelArray]:
    """The patient, and the stations on the CT's grid, uint8 with the values of the station table."""
    number = ATLAS_PATIENTS.index(patient) + 1
    drawn = draw_patient(load_preset("lung"), seed=_SEED, number=number)
    plan = replace(
        compact(drawn, PIXEL_MM), patient_id=patient.name, sex=patient.sex, contrast="venous", has_pet=False,
        nodes=(), look_alikes=(),
    )  # fmt: skip
    phantom = render(plan, organs="all", traits={**patient.traits, "arms": "up"})
    return phantom, np.asarray(station_truth(phantom))
