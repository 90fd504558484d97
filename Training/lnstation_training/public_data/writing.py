"""A patient as a case folder with its record: there as a whole or not at all."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from lnstation_training.public_data.recipe import PatientParts, PatientSource
from lnstation_training.public_data.records import FileDigest, LeftOutLine, NodeLine
from LNStationLib.batch.contents import sha256_of
from LNStationLib.case.case import Case
from LNStationLib.case.check import check_case
from LNStationLib.case.lesion_masks import checked_nodes, checked_tumor
from LNStationLib.imaging.arrays import array_view
from LNStationLib.imaging.boxes import like
from LNStationLib.imaging.dicom_structures import CtReference
from LNStationLib.imaging.reading import Warn
from LNStationLib.imaging.writing import write_nifti
from LNStationLib.support.atomic_files import write_atomically
from LNStationLib.support.reason import Reason
from LNStationLib.support.words import words

CASES = "cases"
_OUTSIDE = "mask_outside_ct"
_ENDING = ".nii.gz"
_IN_A_CASE = ("ct", "pet", "nodes", "tumor")
"""Columns whose files ``assess`` and ``batch`` look for in a case folder, under these names."""


def images_of(parts: PatientParts, warn: Warn) -> tuple[Case, dict[str, sitk.Image]]:
    """Check a patient and give its images by the column of the table of patients; organs stay in the case.

    Raises:
        InputError: An image cannot be used.
        GeometryError: A grid is unusable, or images do not overlap.
    """
    told: list[Reason] = []
    ct = parts.case.ct(told.append)
    case = check_case(replace(parts.case, ct=lambda _: ct))
    for warning in (*told, *case.warnings):
        warn(warning)
    reference = CtReference(case.ct, None if ct.series is None else ct.series.headers[0])
    images = {"ct": case.ct, "pet": case.pet, "nodes": case.nodes, "tumor": case.tumor}
    images |= dict(_more(parts, reference, warn))
    return case, {name: image for name, image in images.items() if image is not None}


def _more(parts: PatientParts, ct: CtReference, warn: Warn) -> Iterator[tuple[str, sitk.Image | None]]:
    if parts.nodes_partial is not None:
        yield "nodes_partial", checked_nodes(parts.nodes_partial(ct, warn), ct.image, warn)
    if parts.lesions is not None:
        yield "lesions", _lesions(parts, ct, warn)
    for column, read in (("stations", parts.stations), ("tumor_box", parts.tumor_box)):
        if read is not None:
            yield column, read(ct, warn)


def _lesions(parts: PatientParts, ct: CtReference, warn: Warn) -> sitk.Image | None:
    """The lesions; an empty mask stays one, for it says that there are none."""
    told: list[Reason] = []
    assert parts.lesions is not None
    found = checked_tumor(parts.lesions(ct, told.append), ct.image, told.append)
    if found is None and all(reason.code != _OUTSIDE for reason in told):
        return like(np.zeros(array_view(ct.image).shape, np.uint8), ct.image)
    for reason in told:
        warn(reason)
    return found


def write_images(case: Case, images: Mapping[str, sitk.Image], folder: Path) -> dict[str, str]:
    """Write a case folder's images.

    Returns:
        Their names in the folder by column of the table of patients.

    Raises:
        OSError: They cannot be written.
    """
    names = {}
    for column, image in images.items():
        names[column] = f"{column}{_ENDING}"
        write_nifti(image, folder / names[column])
    if case.organ_masks:
        names["organs"] = "organs"
        (folder / "organs").mkdir()
        for organ, mask in case.organ_masks.items():
            write_nifti(mask, folder / "organs" / f"{organ}{_ENDING}")
    return names


def write_case_file(case: Case, names: Mapping[str, str], folder: Path) -> None:
    """Write ``case.json``: what a case folder holds, with facts that its headers or tables gave."""
    facts = case.facts
    content = {
        "case_id": case.case_id,
        **{name: names.get(name) for name in (*_IN_A_CASE, "organs")},
        "pet_units": "suvbw" if "pet" in names else None,
        "cancer": facts.cancer,
        "tumor_side": facts.tumor_side,
        "sex": facts.sex,
        "age_years": facts.age_years,
    }
    kept = {key: value for key, value in content.items() if value is not None}
    write_atomically(folder / "case.json", json.dumps(kept, indent=1) + "\n")


def node_lines(source: PatientSource, images: Mapping[str, sitk.Image]) -> tuple[list[NodeLine], list[LeftOutLine]]:
    """Nodes of the source's table that are in the label map, and those that are not."""
    image = images.get("nodes", images.get("nodes_partial"))
    there = set() if image is None else {int(value) for value in np.unique(array_view(image))}
    lines = [NodeLine(node=one.node, station=one.station, given=list(one.given)) for one in source.nodes]
    missing = [
        LeftOutLine(what=f"node {line.node}", why="the label map has no such value.")
        for line in lines
        if line.node not in there
    ]
    return [line for line in lines if line.node in there], missing


def file_digests(folder: Path) -> list[FileDigest]:
    """Every file in a folder, by its path there."""
    return [
        FileDigest(path=path.relative_to(folder).as_posix(), size_bytes=path.stat().st_size, sha256=sha256_of(path))
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    ]


def publish(unfinished: Path, finished: Path) -> None:
    """Put a folder where it belongs, in place of an older one."""
    finished.parent.mkdir(parents=True, exist_ok=True)
    old = unfinished.with_name(f"{unfinished.name}-old")
    if finished.exists():
        os.replace(finished, old)
    os.replace(unfinished, finished)
    shutil.rmtree(old, ignore_errors=True)


def notes_of(reasons: list[Reason]) -> list[str]:
    """Warnings in words, each once."""
    return list(dict.fromkeys(words(reason) for reason in reasons))
