"""FDG-PET-CT-Lesions, in DICOM: whole-body PET/CT with every lesion that takes up FDG."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from lnstation_training.public_data.dicom_folder import Wanted
from lnstation_training.public_data.dicom_parts import DicomData, DicomRecipe
from lnstation_training.public_data.image_parts import masks_of
from lnstation_training.public_data.recipe import Facts, IdcAccess, Label, License, PatientParts
from lnstation_training.public_data.recipes import IDC_CHECKED
from LNStationLib.imaging.reading import Warn


def _complete(data: DicomData, warn: Warn) -> PatientParts:
    return replace(data.parts, lesions=partial(masks_of, data.source.files["labels"][0], "lesions"))


FDG_PET_CT_LESIONS = DicomRecipe(
    Facts(
        name="fdg_pet_ct_lesions",
        title="FDG-PET-CT-Lesions (IDC)",
        patients="900 (1014 studies): 501 studies with melanoma, lymphoma or lung cancer, 513 without lesions",
        size="419.0 GB",
        holds="whole-body FDG PET/CT, defaced, and a DICOM Segmentation of the lesions",
        labels=(Label("all malignant lesions that take up FDG; which are nodes is not said", "lesions", "all"),),
        license=License("CC BY 4.0", "https://creativecommons.org/licenses/by/4.0/"),
        access=IdcAccess("fdg_pet_ct_lesions", ("CT", "PT", "SEG"), ("CC BY 4.0",)),
        cite=("10.7937/gkr0-xv29",),
        converted="CT, PET in SUV and lesions of one study a patient, the earliest",
        checked=IDC_CHECKED,
    ),
    Wanted("PETCT_[0-9a-f]+", "PETCT_0011f3deaf", ("SEG",), with_pet=True, needs=("pet", "labels")),
    _complete,
)
