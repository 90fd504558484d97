"""Lung-PET-CT-Dx: CT and PET/CT with boxes around the tumor, and histology."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import SimpleITK as sitk

from lnstation_training.public_data.dicom_boxes import box_mask, boxes_of_reports, boxes_of_voc
from lnstation_training.public_data.dicom_folder import Wanted
from lnstation_training.public_data.dicom_parts import DicomData, DicomRecipe
from lnstation_training.public_data.recipe import (
    Facts,
    Found,
    IdcAccess,
    Label,
    License,
    PatientParts,
    PatientSource,
    Search,
)
from lnstation_training.public_data.recipes import IDC_CHECKED
from LNStationLib.imaging.dicom_structures import CtReference
from LNStationLib.imaging.reading import Warn
from LNStationLib.support.errors import InputError
from LNStationLib.support.reason import Reason

_HISTOLOGY = {"A": "adenocarcinoma", "B": "small cell", "E": "large cell", "G": "squamous cell"}
"""By the letter in the Patient ID."""
_BEFORE_LETTER = "Lung_Dx-"


def _complete(data: DicomData, warn: Warn) -> PatientParts:
    """Boxes that cannot be placed cost the boxes, not the patient."""
    try:
        mask = _boxes(data)
    except InputError as error:
        warn(Reason("as_written", {"words": f"tumor_box is empty: {error}"}))
        mask = None
    return data.parts if mask is None else replace(data.parts, tumor_box=partial(_itself, mask))


def _itself(mask: sitk.Image, ct: CtReference, warn: Warn) -> sitk.Image:
    return mask


def _boxes(data: DicomData) -> sitk.Image | None:
    voc, reports = data.source.files.get("voc", ()), data.source.files["labels"]
    if voc:
        return box_mask(boxes_of_voc(voc), data.ct)
    return box_mask(boxes_of_reports(reports), data.ct) if reports else None


def _with_histology(found: Found, search: Search) -> Found:
    return Found([_described(source, search.labels) for source in found.patients], found.left_out)


def _described(source: PatientSource, labels: Path | None) -> PatientSource:
    name = source.patient.removeprefix(_BEFORE_LETTER)
    voc = () if labels is None else tuple(sorted((labels / name).glob("*.xml")))
    cells = {**source.cells, "histology": _HISTOLOGY[name[0]]}
    return replace(source, cells=cells, files={**source.files, "voc": voc})


LUNG_PET_CT_DX = DicomRecipe(
    Facts(
        name="lung_pet_ct_dx",
        title="Lung-PET-CT-Dx",
        patients="355 with lung cancer, 133 of them with PET",
        size="127.2 GB",
        holds="CTs and PET/CTs, boxes around the tumor on each slice, histology by the letter of the Patient ID",
        labels=(
            Label("boxes around the tumor, larger than it", "tumor_box", "not checked"),
            Label("histology", "histology", "all"),
        ),
        license=License("CC BY 4.0", "https://creativecommons.org/licenses/by/4.0/"),
        access=IdcAccess("lung_pet_ct_dx", ("CT", "PT", "SR"), ("CC BY 4.0",), ("lung_pet_ct_dx_annotations",)),
        cite=("10.7937/tcia.2020.nnc2-0461", "10.5281/zenodo.16989819"),
        converted="the CT that the boxes were drawn on, the PET of its study in SUV, and the boxes as a mask in the "
        "column tumor_box; they are no mask of the tumor, so that the column tumor stays empty",
        checked=f"{IDC_CHECKED} That XML files are PASCAL VOC, named after slices: the README and notebook of "
        "deepakri201/SR_for_Lung_PET_CT_Dx.",
        cancer="lung",
    ),
    Wanted(r"Lung_Dx-[ABEG][0-9]+", "Lung_Dx-A0001", ("SR",), with_pet=True),
    _complete,
    takes_labels="folder of XML annotations with a folder for each patient, such as A0001; without it the DICOM "
    "reports of the IDC are read",
    with_tables=_with_histology,
)
