"""A synthetic patient as nodes of the MRML scene, as if a person had loaded the files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import SimpleITK as sitk
import slicer
import vtk
from made_once import made_once

from LNStationLib import anatomy
from LNStationLib.case.case import Case
from LNStationLib.phantom import demo_case

COARSE = (2.4, 2.4, 4.0)
FEW_ORGANS = ("aorta", "heart", "esophagus", "pulmonary_artery", "superior_vena_cava", "sternum")


@dataclass(frozen=True)
class Patient:
    """The nodes of a loaded patient."""

    ct: Any
    pet: Any
    organs: Any
    nodes: Any


@made_once
def phantom(spacing_mm: tuple[float, float, float] = COARSE) -> Case:
    """The demo patient; made once for each voxel size."""
    return demo_case(0, spacing_mm=spacing_mm)


def add_patient(
    case: Case | None = None, name: str = "phantom", with_pet: bool = True, organs: Any = None
) -> Patient:
    """Put a patient into the scene."""
    case = case or phantom()
    ct = add_volume(case.ct, f"{name} CT")
    ct.SetAttribute("LNStation.Synthetic", "1")
    pet = add_volume(case.pet, f"{name} PET") if with_pet and case.pet is not None else None
    masks = {key: mask for key, mask in case.organ_masks.items() if organs is None or key in organs}
    return Patient(ct, pet, add_segmentation(masks, ct, f"{name} organs"), add_nodes(case.nodes, ct, f"{name} nodes"))


def add_volume(image: sitk.Image, name: str) -> Any:
    """A scalar volume node with an image's voxels, where the image lies."""
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", name)
    slicer.util.updateVolumeFromArray(node, sitk.GetArrayFromImage(image))
    node.SetIJKToRASMatrix(_ijk_to_ras(image))
    node.CreateDefaultDisplayNodes()
    return node


def add_segmentation(masks: Mapping[str, sitk.Image], ct: Any, name: str) -> Any:
    """A segmentation with one segment for each mask."""
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", name)
    node.CreateDefaultDisplayNodes()
    node.SetReferenceImageGeometryParameterFromVolumeNode(ct)
    for key, mask in masks.items():
        entry = anatomy.find_organ(key)
        color = [part / 255 for part in entry.color] if entry else [0.9, 0.8, 0.2]
        node.GetSegmentation().AddEmptySegment(key, key, color)
        array = (sitk.GetArrayFromImage(mask) > 0).astype(np.uint8)
        slicer.util.updateSegmentBinaryLabelmapFromArray(array, node, key, ct)
    node.GetDisplayNode().SetVisibility(False)
    return node


def add_nodes(labels: sitk.Image | None, ct: Any, name: str) -> Any:
    """Lymph nodes, one segment for each value of a label map."""
    if labels is None:
        return None
    array = sitk.GetArrayFromImage(labels)
    masks = {}
    for value in np.unique(array[array > 0]):
        mask = sitk.GetImageFromArray((array == value).astype(np.uint8))
        mask.CopyInformation(labels)
        masks[f"lymph node {value}"] = mask
    return add_segmentation(masks, ct, name)


def _ijk_to_ras(image: sitk.Image) -> vtk.vtkMatrix4x4:
    spacing, direction, origin = image.GetSpacing(), image.GetDirection(), image.GetOrigin()
    matrix = vtk.vtkMatrix4x4()
    for row in range(3):
        sign = -1 if row < 2 else 1
        for column in range(3):
            matrix.SetElement(row, column, sign * direction[3 * row + column] * spacing[column])
        matrix.SetElement(row, 3, sign * origin[row])
    return matrix
