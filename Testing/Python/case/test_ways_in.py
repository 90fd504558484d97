"""Files and images in memory are one case after the same checks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from imaging.samples import box_mask, chest
from states import said

from LNStationLib.case.case import Case
from LNStationLib.case.from_files import CaseRequest, load_case
from LNStationLib.case.from_memory import CaseImages, case_from_images
from LNStationLib.support.errors import GeometryError

CT = chest()
Masks = dict[str, sitk.Image]
WayIn = Callable[[Path, Masks], Case]


def by_files(folder: Path, masks: Masks) -> Case:
    paths = {name: folder / f"{name}.nii.gz" for name in ("ct", *masks)}
    (folder / "organs").mkdir()
    paths["trachea"] = folder / "organs" / "trachea.nii.gz"
    for name, image in {"ct": CT, **masks}.items():
        sitk.WriteImage(image, paths[name])
    organs = folder / "organs" if "trachea" in masks else None
    return load_case(
        CaseRequest(paths["ct"], organs=organs, nodes=paths.get("nodes"), tumor=paths.get("tumor"), case_id="a/b")
    )


def in_memory(folder: Path, masks: Masks) -> Case:
    organs = {name: masks[name] for name in ("trachea",) if name in masks}
    return case_from_images(CaseImages("a/b", CT, organs=organs, nodes=masks.get("nodes"), tumor=masks.get("tumor")))


def several(value: int) -> sitk.Image:
    return box_mask(CT, (20, 30, 20), (24, 34, 24)) + box_mask(CT, (40, 30, 20), (44, 34, 24), value)


def test_both_ways_give_the_same_case(tmp_path: Path) -> None:
    masks = {"trachea": box_mask(CT, (40, 36, 5), (44, 40, 40)), "nodes": several(7), "tumor": several(1)}
    first, second = by_files(tmp_path, masks), in_memory(tmp_path, masks)
    assert first.case_id == second.case_id == "a_b"
    assert first.warnings == second.warnings == ()
    for a, b in [
        (first.ct, second.ct),
        (first.nodes, second.nodes),
        (first.tumor, second.tumor),
        (first.organ_masks["trachea"], second.organ_masks["trachea"]),
    ]:
        assert a is not None
        assert b is not None
        assert a.GetPixelID() == b.GetPixelID()
        assert a.GetOrigin() == pytest.approx(b.GetOrigin(), abs=1e-4)
        assert np.array_equal(sitk.GetArrayFromImage(a), sitk.GetArrayFromImage(b))


@pytest.mark.parametrize("way_in", [by_files, in_memory])
def test_every_value_of_a_tumor_map_is_tumor(tmp_path: Path, way_in: WayIn) -> None:
    tumor = way_in(tmp_path, {"tumor": several(2)}).tumor
    assert tumor is not None
    assert int(sitk.GetArrayFromImage(tumor).sum()) == 2 * 4**3


@pytest.mark.parametrize("way_in", [by_files, in_memory])
@pytest.mark.parametrize("name", ["trachea", "nodes", "tumor"])
def test_an_empty_mask_is_missing_with_a_warning(tmp_path: Path, way_in: WayIn, name: str) -> None:
    case = way_in(tmp_path, {name: box_mask(CT, (0, 0, 0), (0, 0, 0))})
    assert (case.organ_masks, case.nodes, case.tumor) == ({}, None, None)
    assert "the mask is empty; taken as missing" in said(case.warnings)[0]


@pytest.mark.parametrize("way_in", [by_files, in_memory])
@pytest.mark.parametrize("name", ["trachea", "nodes", "tumor"])
def test_a_mask_of_another_place_is_refused_by_name(tmp_path: Path, way_in: WayIn, name: str) -> None:
    mask = box_mask(CT, (20, 30, 20), (24, 34, 24))
    mask.SetOrigin((5000.0, 0.0, 0.0))
    with pytest.raises(GeometryError, match=f"{name}.* does not overlap the CT"):
        way_in(tmp_path, {name: mask})
