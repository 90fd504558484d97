"""LNQ2023, as the challenge gave it out: CTs and masks in NRRD, those for training annotated in part."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from lnstation_training.public_data.image_parts import case_of, images_like, masks_of
from lnstation_training.public_data.recipe import (
    Facts,
    Found,
    Label,
    LeftOut,
    License,
    PatientParts,
    PatientSource,
    Search,
    SiteAccess,
)
from LNStationLib.imaging.reading import Warn
from LNStationLib.support.errors import InputError
from LNStationLib.support.progress import Progress

_NAME, _ENDING = r"(lnq2023[-_][a-z]+[-_]\d+)", r"\.(?:nrrd|nii|nii\.gz|mha)$"
_CT, _MASK = rf"{_NAME}(?:[-_]ct|_0000)?{_ENDING}", rf"{_NAME}[-_]seg{_ENDING}"
_COMPLETE = ("val", "validation", "test")
"""In names of patients of whom every node is drawn; of those for training about one of five is."""

_FACTS = Facts(
    name="lnq2023",
    title="LNQ2023 challenge",
    patients="503: 383 partially annotated for training, 20 and 100 fully annotated for validation and test",
    size="not checked",
    holds="a CT of the chest of each patient and a mask of mediastinal lymph nodes; no stations",
    labels=(
        Label("lymph nodes of the patients for training", "nodes_partial", "some"),
        Label("lymph nodes of the others, above 1 cm", "nodes", "all"),
    ),
    license=License(
        "not checked",
        "https://lnq2023.grand-challenge.org/data/",
        "read and sign there; IDC has the data as CC BY 4.0",
    ),
    access=SiteAccess(
        "https://lnq2023.grand-challenge.org/data/", "the archives with lnq2023-train-0001-ct.nrrd and -seg.nrrd"
    ),
    cite=("10.7937/qvaz-ja09",),
    converted="CT and nodes",
    checked="Patients and annotation: lnqproject.org/challenge. Names of files for training and validation: code "
    "that reads them. Not checked: names of files for test, which no code that was found reads; they are taken to be "
    "lnq2023-test-0001-ct.nrrd and so on.",
)


@dataclass(frozen=True)
class Lnq2023:
    """LNQ2023, from the folder that its archives were unpacked into."""

    facts: Facts = _FACTS
    takes_labels: str = ""

    def find(self, search: Search, progress: Progress) -> Found:
        """As of every recipe."""
        cts = _by_name(search, _CT)
        if not cts:
            raise InputError(
                f"{search.folder} does not hold LNQ2023: no file is called lnq2023-train-0001-ct.nrrd there. Give "
                "the folder that its archives were unpacked into."
            )
        masks = _by_name(search, _MASK)
        left_out = [
            LeftOut(name, "patient", f"it has no {name}-seg.nrrd: download it too.")
            for name in sorted(set(cts) - set(masks))
        ]
        both = sorted(set(cts) & set(masks))
        return Found([PatientSource(name, {"ct": (cts[name],), "nodes": (masks[name],)}) for name in both], left_out)

    def read(self, source: PatientSource, warn: Warn) -> PatientParts:
        """As of every recipe."""
        nodes = partial(masks_of, source.one("nodes"), "nodes")
        case = case_of(source, self.facts.cancer)
        if source.patient.split("-")[1] in _COMPLETE:
            return PatientParts(replace(case, nodes=nodes))
        return PatientParts(case, nodes_partial=nodes)


def _by_name(search: Search, pattern: str) -> dict[str, Path]:
    """Files by the names of their patients as the challenge writes them, with hyphens."""
    return {name.replace("_", "-"): path for name, path in images_like(search.folder, pattern).items()}


LNQ2023 = Lnq2023()
