"""LyNoS: fifteen CTs with every node and its station, by SINTEF and St. Olavs hospital."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

from lnstation_training.public_data.given_tables import node_stations, of_patient
from lnstation_training.public_data.image_parts import case_of, images_like, masks_of, organs_of
from lnstation_training.public_data.recipe import (
    Facts,
    Found,
    Label,
    LeftOut,
    License,
    NodeCells,
    PatientParts,
    PatientSource,
    Search,
    SiteAccess,
    named,
)
from LNStationLib.imaging.reading import Warn
from LNStationLib.support.errors import InputError
from LNStationLib.support.progress import Progress

_ORGANS = {"azygos": "azygos_vein", "esophagus": "esophagus"}
"""By the ending of their file. Brachiocephalic veins of both sides, and subclavian with carotid arteries, are one
mask each, which is no organ here."""

_FACTS = Facts(
    name="lynos",
    title="LyNoS",
    patients="15 with lung cancer",
    size="2.9 GB; a CT has 155 to 263 MB",
    holds="a CT with contrast of each patient, a label map with a value for each lymph node, a table of their "
    "stations and masks of azygos vein, esophagus, brachiocephalic veins, subclavian and carotid arteries",
    labels=(
        Label("lymph nodes, checked by a radiologist", "nodes", "all"),
        Label("first, second and third station of each node", "node_pathology: station", "all"),
        Label("azygos vein, esophagus", "organs", "all"),
    ),
    license=License(
        "MIT",
        "https://github.com/raidionics/LyNoS",
        "as on its card on Hugging Face; its record on Zenodo: CC BY 4.0",
    ),
    access=SiteAccess("https://github.com/raidionics/LyNoS", "LyNoS.zip, by one of the links of its README"),
    cite=("10.1080/21681163.2022.2043778",),
    converted="CT, nodes, stations of nodes (3aR and 3aL are 3A here, 7R and 7L are 7, 8R and 8L are 8; 12 to 14 "
    "stay empty), azygos vein and esophagus",
    checked="Files and labels: the READMEs of raidionics/LyNoS and dbouget/ct_mediastinal_structures_segmentation. "
    "Files of each patient: huggingface.co/datasets/andreped/LyNoS/tree/main. Size, and the license on Zenodo "
    "(10102261): a report of its users. Not checked: names of the columns of stations_sto.csv (20.2 kB), which are "
    "told by words in them or by what they hold.",
    cancer="lung",
)


@dataclass(frozen=True)
class Lynos:
    """LyNoS, from the folder that LyNoS.zip was unpacked into."""

    facts: Facts = _FACTS
    takes_labels: str = ""

    def find(self, search: Search, progress: Progress) -> Found:
        """As of every recipe."""
        cts = images_like(search.folder, r"(?:^|/)pat0*(\d+)_data\.nii")
        if not cts:
            raise InputError(
                f"{search.folder} does not hold LyNoS: no file is called pat1_data.nii.gz there. Give the folder "
                "that LyNoS.zip was unpacked into."
            )
        nodes = images_like(search.folder, r"(?:^|/)pat0*(\d+)_labels_lymphnodes\.nii")
        organs = {name: images_like(search.folder, rf"(?:^|/)pat0*(\d+)_labels_{name}\.nii") for name in _ORGANS}
        left_out = [
            LeftOut(f"Pat{number}", "patient", f"it has no pat{number}_labels_LymphNodes.nii.gz: unpack it again.")
            for number in sorted(set(cts) - set(nodes), key=int)
        ]
        patients = [
            PatientSource(f"Pat{number}", {"ct": (cts[number],), "nodes": (nodes[number],)} | _drawn(number, organs))
            for number in sorted(set(cts) & set(nodes), key=int)
        ]
        stations = _stations(search)
        return Found([replace(one, nodes=of_patient(int(one.patient[3:]), stations)) for one in patients], left_out)

    def read(self, source: PatientSource, warn: Warn) -> PatientParts:
        """As of every recipe."""
        organs = {organ: source.one(ending) for ending, organ in _ORGANS.items() if ending in source.files}
        case = replace(
            case_of(source, self.facts.cancer),
            nodes=partial(masks_of, source.one("nodes"), "nodes"),
            organs=partial(organs_of, organs) if organs else None,
        )
        return PatientParts(case, cells=source.cells)


def _drawn(number: str, organs: dict) -> dict:
    return {name: (files[number],) for name, files in organs.items() if number in files}


def _stations(search: Search) -> dict[str, list[NodeCells]]:
    tables = sorted(search.folder.rglob("stations*.csv"))
    if len(tables) > 1:
        raise InputError(f"{search.folder} holds several tables of stations ({named(tables)}): leave one.")
    if not tables:
        raise InputError(f"{search.folder} holds no stations_sto.csv: put it there, it belongs to LyNoS.zip.")
    return node_stations(tables[0])


LYNOS = Lynos()
