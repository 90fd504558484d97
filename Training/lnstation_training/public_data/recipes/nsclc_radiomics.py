"""NSCLC-Radiomics (Lung1): planning CTs with tumor and organs."""

from __future__ import annotations

from functools import partial

from lnstation_training.public_data.clinical import Column, with_clinical
from lnstation_training.public_data.dicom_folder import Wanted
from lnstation_training.public_data.dicom_parts import DicomRecipe, with_structures
from lnstation_training.public_data.given_tables import n_category
from lnstation_training.public_data.recipe import Facts, IdcAccess, Label, License
from lnstation_training.public_data.recipes import IDC_CHECKED

_TUMOR = r"^(gtv-?1|gtv|neoplasm, primary|neoplasm)$"
"""The structure of the primary tumor; others of this kind are not said to be anything."""
_COLUMNS = (
    Column("clinical_n_category", ("clinicalnstage",), n_category),
    Column("histology", ("histology",), str.lower),
)

NSCLC_RADIOMICS = DicomRecipe(
    Facts(
        name="nsclc_radiomics",
        title="NSCLC-Radiomics (Lung1)",
        patients="422 with non-small cell lung cancer",
        size="27.5 GB",
        holds="a planning CT of each patient and a Structure Set with tumor and organs; no stations, no nodes",
        labels=(
            Label("primary tumor (GTV-1)", "tumor", "all"),
            Label("lungs, heart, esophagus and spinal cord, where they were drawn", "organs", "some"),
            Label("with a table of clinical data, clinical N category", "clinical_n_category", "not checked"),
        ),
        license=License("CC BY-NC 3.0", "https://creativecommons.org/licenses/by-nc/3.0/", "no commercial use"),
        access=IdcAccess("nsclc_radiomics", ("CT", "RTSTRUCT"), ("CC BY-NC 3.0",)),
        cite=("10.7937/k9/tcia.2015.pf0m9rei",),
        converted="CT, tumor and organs; other structures, such as further GTVs, are left out",
        checked=f"{IDC_CHECKED} Names of structures: the README of fitushar/HAID. Names of clinical columns: IDC's "
        "clinical table. Not checked: which other GTVs are nodes, and values of the clinical N stage above 3.",
        cancer="lung",
    ),
    Wanted("LUNG1-[0-9]+", "LUNG1-001", ("RTSTRUCT", "SEG"), "^(?!.*nnU-Net)", needs=("labels",)),
    partial(with_structures, tumor=_TUMOR),
    takes_labels="CSV table of clinical data (columns PatientID, clinical.N.Stage, Histology)",
    with_tables=partial(with_clinical, patient=("patientid", "dicompatientid"), columns=_COLUMNS),
)
