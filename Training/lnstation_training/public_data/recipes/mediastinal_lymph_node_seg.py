"""Mediastinal Lymph Node SEG: the data of the LNQ2023 challenge in DICOM, most of them annotated in part."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from lnstation_training.public_data.dicom_folder import Wanted
from lnstation_training.public_data.dicom_parts import DicomData, DicomRecipe
from lnstation_training.public_data.image_parts import masks_of
from lnstation_training.public_data.recipe import Facts, IdcAccess, Label, License, PatientParts
from lnstation_training.public_data.recipes import IDC_CHECKED
from LNStationLib.imaging import dicom_headers as dcm
from LNStationLib.imaging.dicom_files import dicom_header
from LNStationLib.imaging.reading import Warn

_ALL_NODES = "fully annotated"


def _complete(data: DicomData, warn: Warn) -> PatientParts:
    """What a Segmentation holds, it says in its Series Description."""
    file = data.source.files["labels"][0]
    header, nodes = dicom_header(file), partial(masks_of, file, "nodes")
    if header is not None and dcm.text(header, "SeriesDescription").lower() == _ALL_NODES:
        return replace(data.parts, case=replace(data.parts.case, nodes=nodes))
    return replace(data.parts, nodes_partial=nodes)


MEDIASTINAL_LYMPH_NODE_SEG = DicomRecipe(
    Facts(
        name="mediastinal_lymph_node_seg",
        title="Mediastinal Lymph Node SEG",
        patients="513 with cancers of many kinds: 120 fully and 393 partially annotated",
        size="35.3 GB",
        holds="a CT of the chest of each patient and a DICOM Segmentation of mediastinal lymph nodes; no stations",
        labels=(
            Label("lymph nodes of the 120 patients described as Fully Annotated", "nodes", "all"),
            Label("lymph nodes of the 393 described as Partially Annotated", "nodes_partial", "some"),
        ),
        license=License("CC BY 4.0", "https://creativecommons.org/licenses/by/4.0/"),
        access=IdcAccess("mediastinal_lymph_node_seg", ("CT", "SEG"), ("CC BY 4.0",)),
        cite=("10.7937/qvaz-ja09",),
        converted="CT and nodes; the Series Description decides to which column the nodes belong",
        checked=f"{IDC_CHECKED} Not checked: whether each node has a segment of its own.",
    ),
    Wanted("case_[0-9]+", "case_0002", ("SEG",), needs=("labels",)),
    _complete,
)
