"""NSCLC Radiogenomics: operated patients with CT and tumor, or with PET/CT, and the N category by pathology."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from lnstation_training.public_data.clinical import Column, with_clinical
from lnstation_training.public_data.dicom_folder import Wanted
from lnstation_training.public_data.dicom_parts import DicomRecipe, with_structures
from lnstation_training.public_data.given_tables import is_checked, n_category
from lnstation_training.public_data.recipe import Facts, IdcAccess, Label, License
from lnstation_training.public_data.recipes import IDC_CHECKED

_BEFORE_LOBE = "tumorlocationchoice"
_LOBES = {"rul": "R", "rml": "R", "rll": "R", "lul": "L", "lll": "L", "llingula": "L"}


def tumor_side(row: Mapping[str, str]) -> str:
    """The side of the lobes that are ticked; empty where they are of both sides or none."""
    sides = {side for lobe, side in _LOBES.items() if is_checked(row.get(_BEFORE_LOBE + lobe, ""))}
    return sides.pop() if len(sides) == 1 else ""


_COLUMNS = (
    Column("n_category", ("pathologicalnstage",), n_category),
    Column("histology", ("histology",), str.lower),
    Column("tumor_side", (), of_row=tumor_side),
)

NSCLC_RADIOGENOMICS = DicomRecipe(
    Facts(
        name="nsclc_radiogenomics",
        title="NSCLC Radiogenomics",
        patients="211 operated for non-small cell lung cancer: 144 with a tumor mask, 201 with PET",
        size="98.0 GB",
        holds="a CT with a Segmentation of the tumor, and in another study a PET/CT; a table of clinical data",
        labels=(
            Label("primary tumor, on the CT of its own study", "tumor", "all"),
            Label("with the table, N category by pathology", "n_category", "not checked"),
            Label("with the table, side of the tumor by its lobe", "tumor_side", "not checked"),
        ),
        license=License("CC BY 3.0", "https://creativecommons.org/licenses/by/3.0/"),
        access=IdcAccess("nsclc_radiogenomics", ("CT", "PT", "SEG"), ("CC BY 3.0",)),
        cite=("10.7937/k9/tcia.2017.7hs46erv",),
        converted="one study a patient: the PET/CT where there is one, else the CT with the tumor; CT, PET in SUV, "
        "tumor, N category and side",
        checked=f"{IDC_CHECKED} Names of clinical columns: IDC's clinical table. Not checked: how boxes of lobes are "
        "ticked in the table.",
        cancer="lung",
    ),
    Wanted("(R01|AMC)-[0-9]+", "R01-001", ("SEG",), "^(?!AIMI)", with_pet=True, pet_first=True),
    partial(with_structures, tumor="."),
    takes_labels="CSV table of clinical data (columns Case ID, Pathological N stage, Tumor Location (choice=RUL))",
    with_tables=partial(with_clinical, patient=("caseid", "dicompatientid"), columns=_COLUMNS),
)
