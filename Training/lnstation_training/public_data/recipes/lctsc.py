"""LCTSC: the Lung CT Segmentation Challenge of 2017, organs at risk."""

from __future__ import annotations

from functools import partial

from lnstation_training.public_data.dicom_folder import Wanted
from lnstation_training.public_data.dicom_parts import DicomRecipe, with_structures
from lnstation_training.public_data.recipe import Facts, IdcAccess, Label, License
from lnstation_training.public_data.recipes import IDC_CHECKED

LCTSC = DicomRecipe(
    Facts(
        name="lctsc",
        title="Lung CT Segmentation Challenge 2017",
        patients="60: 36 for training and 24 for tests",
        size="5.2 GB",
        holds="a CT of each patient and a Structure Set with five organs; no nodes, no stations",
        labels=(Label("both lungs, heart, esophagus, spinal cord", "organs", "all"),),
        license=License("CC BY 3.0", "https://creativecommons.org/licenses/by/3.0/"),
        access=IdcAccess("lctsc", ("CT", "RTSTRUCT"), ("CC BY 3.0",)),
        cite=("10.7937/k9/tcia.2017.3r3fvz08",),
        converted="CT and organs",
        checked=f"{IDC_CHECKED} Which organs: the challenge's description. Names of the structures (Esophagus, "
        "Heart, Lung_L, Lung_R, SpinalCord): a report of the LCTSC's users that read all 60.",
        cancer="lung",
    ),
    Wanted("LCTSC-(Train|Test)-S[0-9]-[0-9]+", "LCTSC-Train-S1-001", ("RTSTRUCT",), needs=("labels",)),
    partial(with_structures, aliases={"SpinalCord": "spinal_cord"}),
)
