"""ACRIN 6668: PET/CT of stage IIB and III before and after chemoradiotherapy; images alone."""

from __future__ import annotations

from lnstation_training.public_data.dicom_folder import Wanted
from lnstation_training.public_data.dicom_parts import DicomRecipe, images_only
from lnstation_training.public_data.recipe import Facts, IdcAccess, License
from lnstation_training.public_data.recipes import IDC_CHECKED

ACRIN_NSCLC_FDG_PET = DicomRecipe(
    Facts(
        name="acrin_nsclc_fdg_pet",
        title="ACRIN-NSCLC-FDG-PET (ACRIN 6668)",
        patients="242 with non-small cell lung cancer of clinical stage IIB or III, 241 with PET",
        size="144.0 GB",
        holds="CT and FDG PET at several times; no labels but those that programs have made, which are not taken",
        labels=(),
        license=License("CC BY 3.0", "https://creativecommons.org/licenses/by/3.0/"),
        access=IdcAccess("acrin_nsclc_fdg_pet", ("CT", "PT"), ("CC BY 3.0",)),
        cite=("10.7937/tcia.2019.30ilqfcl",),
        converted="CT and PET in SUV of the earliest study with PET",
        checked=f"{IDC_CHECKED} Not checked: tables of clinical data.",
        cancer="lung",
    ),
    Wanted("ACRIN-NSCLC-FDG-PET-[0-9]+", "ACRIN-NSCLC-FDG-PET-001", with_pet=True, needs=("pet",)),
    images_only,
)
