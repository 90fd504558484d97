"""NIH CT Lymph Nodes: mediastinum and abdomen, with masks; stations by the authors of LyNoS."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import partial
from pathlib import Path

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
from LNStationLib.support.reason import Reason

_MEDIASTINAL = re.compile(r"MED_LYMPH_0*(\d+)")
_REFINED = (
    r"(?:^|/)(?:med_lymph_|pat)0*(\d+)"
    r"(?:[_/-](?:labels?|lymph_?nodes?|nodes?|ln|gt|seg|segmentation|refined))*\.[a-z.]+$"
)
_OWN = r"(?:^|/)((?:med|abd)_lymph_\d+)_mask\.[a-z.]+$"
"""Masks as NIfTI that the collection itself gives out (``MED_ABD_LYMPH_MASKS``): of some nodes, like its DICOM."""
_NOT_ALL = ("6", "80")
"""Mediastinal patients whose refined masks others found not to hold every node."""


def _complete(data: DicomData, warn: Warn) -> PatientParts:
    """Refined masks hold every node; those of the collection leave out small ones that are visible."""
    refined = data.source.files.get("nodes")
    nodes = partial(masks_of, (refined or data.source.files["labels"])[0], "nodes")
    if refined and _number_of(data.source) not in _NOT_ALL:
        return replace(data.parts, case=replace(data.parts.case, nodes=nodes))
    if refined:
        warn(Reason("as_written", {"words": "its refined mask does not hold every node, as others found."}))
    return replace(data.parts, nodes_partial=nodes)


def _number_of(source: PatientSource) -> str:
    """Of a mediastinal patient; empty for others."""
    match = _MEDIASTINAL.fullmatch(source.patient)
    return match[1] if match else ""


def _masks_in(folder: Path) -> dict[str, Path]:
    """Refined masks by the number of their patient.

    Raises:
        InputError: There are none, or the collection's own, which hold some nodes alone.
    """
    own = images_like(folder, _OWN)
    if own:
        raise InputError(
            f"{folder} holds masks of the collection itself ({next(iter(own.values())).name}), which are of some "
            "nodes alone: give the refined ones (if these are they, rename them MED_LYMPH_001.nii.gz and so on)."
        )
    masks = images_like(folder, _REFINED)
    if not masks:
        raise InputError(
            f"{folder} holds no masks named after patients, such as MED_LYMPH_001.nii.gz or "
            "pat1_labels_LymphNodes.nii.gz: rename them so."
        )
    return masks


def _with_refined(found: Found, search: Search) -> Found:
    if search.labels is None:
        return found
    masks = _masks_in(search.labels)
    csv_files = sorted(search.labels.rglob("*.csv"))
    if len(csv_files) > 1:
        raise InputError(f"{search.labels} holds several tables ({named(csv_files)}): leave that of the stations.")
    stations = node_stations(csv_files[0]) if csv_files else {}

    def refined(source: PatientSource) -> PatientSource:
        number = _number_of(source)
        if number not in masks:
            return source
        files = {**source.files, "nodes": (masks[number],)}
        return replace(source, files=files, nodes=of_patient(int(number), stations))

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
            Label("with --labels, refined masks of the mediastinal patients but 006 and 080", "nodes", "all"),
            Label("with --labels, stations of those nodes", "node_pathology: station", "all"),
        ),
        license=License("CC BY 3.0", "https://creativecommons.org/licenses/by/3.0/"),
        access=IdcAccess("ct_lymph_nodes", ("CT", "SEG"), ("CC BY 3.0",)),
        cite=("10.7937/k9/tcia.2015.aqiidcnm",),
        converted="CT and nodes of every patient whose CT shows a chest; the others are left out",
        checked=f"{IDC_CHECKED} That masks leave out small nodes: the README of Hanx-Zhang/Lymph-Node-Mapping. "
        "Refined masks and stations of 89 mediastinal patients (all but 043): the README of "
        "dbouget/ct_mediastinal_structures_segmentation, which links them; that those of 006 and 080 lack nodes: "
        "Hanx-Zhang's. Names of the collection's own masks: code that reads them. Not checked: names of the refined "
        "files and of the columns of their table, and whether every node has a segment of its own, as the three of "
        "MED_LYMPH_001 have by a report of users.",
    ),
    Wanted("(MED|ABD)_LYMPH_[0-9]+", "MED_LYMPH_001", ("SEG",), needs=("labels",)),
    _complete,
    takes_labels="folder of refined masks (MED_LYMPH_001.nii.gz or pat1_labels_LymphNodes.nii.gz) with one CSV table "
    "of stations (patient, node, station)",
    with_tables=_with_refined,
)
