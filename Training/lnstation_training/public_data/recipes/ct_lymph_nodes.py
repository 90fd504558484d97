"""NIH CT Lymph Nodes: mediastinum and abdomen, with masks; stations by the authors of LyNoS."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import partial

from lnstation_training.public_data.dicom_folder import Wanted
from lnstation_training.public_data.dicom_parts import DicomData, DicomRecipe
from lnstation_training.public_data.given_tables import node_stations, of_patient
from lnstation_training.public_data.image_parts import images_like, masks_of
from lnstation_training.public_data.recipe import (
    Facts,
    Found,
    IdcAccess,
    Label,
    License,
    PatientParts,
    PatientSource,
    Search,
    named,
)
from lnstation_training.public_data.recipes import IDC_CHECKED
from LNStationLib.imaging.reading import Warn
from LNStationLib.support.errors import InputError

_MEDIASTINAL = re.compile(r"MED_LYMPH_0*(\d+)")
_REFINED = r"(?:^|/)(?:med_lymph_|pat)0*(\d+)(?:_labels_lymphnodes|_mask|_nodes)?\.[a-z.]+$"


def _complete(data: DicomData, warn: Warn) -> PatientParts:
    """Refined masks hold every node; those of the collection leave out small ones that are visible."""
    if data.source.files.get("nodes"):
        nodes = partial(masks_of, data.source.one("nodes"), "nodes")
        return replace(data.parts, case=replace(data.parts.case, nodes=nodes))
    return replace(data.parts, nodes_partial=partial(masks_of, data.source.files["labels"][0], "nodes"))


def _with_refined(found: Found, search: Search) -> Found:
    if search.labels is None:
        return found
    masks = images_like(search.labels, _REFINED)
    if not masks:
        raise InputError(
            f"{search.labels} holds no masks named after patients, such as MED_LYMPH_001.nii.gz or "
            "pat1_labels_LymphNodes.nii.gz: rename them so."
        )
    csv_files = sorted(search.labels.rglob("*.csv"))
    if len(csv_files) > 1:
        raise InputError(f"{search.labels} holds several tables ({named(csv_files)}): leave that of the stations.")
    stations = node_stations(csv_files[0]) if csv_files else {}

    def refined(source: PatientSource) -> PatientSource:
        match = _MEDIASTINAL.fullmatch(source.patient)
        if match is None or match[1] not in masks:
            return source
        files = {**source.files, "nodes": (masks[match[1]],)}
        return replace(source, files=files, nodes=of_patient(int(match[1]), stations))

    return Found([refined(source) for source in found.patients], found.left_out)


CT_LYMPH_NODES = DicomRecipe(
    Facts(
        name="ct_lymph_nodes",
        title="NIH CT Lymph Nodes",
        patients="176: 90 of the mediastinum (388 nodes), 86 of the abdomen (595 nodes)",
        size="58.4 GB",
        holds="a CT of each patient and a DICOM Segmentation of lymph nodes; no stations",
        labels=(
            Label("lymph nodes of the collection: small visible ones are not drawn", "nodes_partial", "some"),
            Label("with --labels, refined masks of the mediastinal patients", "nodes", "all"),
            Label("with --labels, stations of those nodes", "node_pathology: station", "all"),
        ),
        license=License("CC BY 3.0", "https://creativecommons.org/licenses/by/3.0/"),
        access=IdcAccess("ct_lymph_nodes", ("CT", "SEG"), ("CC BY 3.0",)),
        cite=("10.7937/k9/tcia.2015.aqiidcnm",),
        converted="CT and nodes of every patient whose CT shows a chest; the others are left out",
        checked=f"{IDC_CHECKED} That masks leave out small nodes: the README of Hanx-Zhang/Lymph-Node-Mapping. "
        "Refined masks and stations of the mediastinal patients: the README of raidionics/LyNoS, which links them. "
        "Not checked: names of their files and columns, and whether each node has a segment of its own.",
    ),
    Wanted("(MED|ABD)_LYMPH_[0-9]+", "MED_LYMPH_001", ("SEG",), needs=("labels",)),
    _complete,
    takes_labels="folder of refined masks (MED_LYMPH_001.nii.gz or pat1_labels_LymphNodes.nii.gz) with one CSV table "
    "of stations (patient, node, station)",
    with_tables=_with_refined,
)
