"""Engines of the deformable step of a registration, by name; rigid and affine steps are greedy's in all of them."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import SimpleITK as sitk

from LNStationLib.imaging.grid import Grid
from LNStationLib.models.runtime.convex_adam import check_convex_adam, convex_adam_displacement
from LNStationLib.stations.atlas_registration.guides import Guided
from LNStationLib.support.types import FloatArray

Engine = Literal["greedy", "convex_adam"]
COMMON = "-V 0 -threads 1 -seed 1"
"""One thread and one seed, so that the same images give the same warp; several atlases run side by side instead."""
_LPS_OF_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])


@dataclass(frozen=True)
class Deformation:
    """How the deformable step is done. The defaults were chosen by hand on synthetic patients (docs/atlases.md).

    Attributes:
        engine: Its name.
        update_voxels: Smoothing of greedy's updates.
        warp_voxels: Smoothing of greedy's whole warp.
        organ_weight: How much organs count beside the CT.
        smoothness: Of convexAdam's field.
    """

    engine: Engine = "greedy"
    update_voxels: float = 2.0
    warp_voxels: float = 0.7
    organ_weight: float = 1.0
    smoothness: float = 1.25


@dataclass(frozen=True)
class Aligned:
    """A patient and an atlas after the affine step.

    Attributes:
        patient: The part of its coarse grid that is deformed.
        atlas_grid: Of the atlas, moved to where the patient lies.
        atlas: With the same voxels.
        organs: That both have.
        greedy: Holds ``organs_m`` and ``affine``.
        affine: 4 x 4, RAS mm, from the patient's points to the moved atlas's.
    """

    patient: Guided
    atlas_grid: Grid
    atlas: Guided
    organs: list[str]
    greedy: Any
    affine: FloatArray


def by_greedy(pair: Aligned, how: Deformation) -> FloatArray:
    """The warp in LPS mm, ``[z, y, x, 3]`` on the patient's grid, by local correlation of CT and organs.

    Windows of 5 voxels of 3 mm hold the wall of a vessel.

    Raises:
        RuntimeError: Greedy gave up.
    """
    told = io.StringIO()
    grid = pair.patient.grid
    images = {
        "ct_f": grid.image(pair.patient.ct),
        "ct_m": pair.atlas_grid.image(pair.atlas.ct),
        "organs_f": grid.image(pair.patient.picture(pair.organs)),
    }
    command = (
        f"{COMMON} -m NCC 2x2x2 -n 40x12 -wp 0 -s {how.update_voxels:g}vox {how.warp_voxels:g}vox -it affine "
        f"-w 1.0 -i ct_f ct_m -w {how.organ_weight:g} -i organs_f organs_m -o warp"
    )
    pair.greedy.execute(command, out=told, err=told, warp=None, **images)
    return sitk.GetArrayFromImage(pair.greedy["warp"]).astype(np.float32)


def by_convex_adam(pair: Aligned, how: Deformation) -> FloatArray:
    """As :func:`by_greedy`, by convexAdam on the CT with the organs' gray levels laid over it."""
    grid = pair.patient.grid
    fixed = pair.patient.ct + how.organ_weight * pair.patient.picture(pair.organs)
    atlas = pair.atlas.ct + how.organ_weight * pair.atlas.picture(pair.organs)
    moving = _on_patient(pair.atlas_grid.image(atlas.astype(np.float32)), pair)
    voxels = convex_adam_displacement(fixed, moving, how.smoothness)
    return np.ascontiguousarray((voxels * np.asarray(grid.spacing_mm, np.float32))[..., ::-1])


def _on_patient(image: sitk.Image, pair: Aligned) -> FloatArray:
    matrix = _LPS_OF_RAS @ pair.affine @ _LPS_OF_RAS
    affine = sitk.AffineTransform(3)
    affine.SetMatrix(matrix[:3, :3].ravel().tolist())
    affine.SetTranslation(matrix[:3, 3].tolist())
    return sitk.GetArrayFromImage(sitk.Resample(image, pair.patient.grid.reference, affine, sitk.sitkLinear, 0.0))


ENGINES: Mapping[Engine, Callable[[Aligned, Deformation], FloatArray]] = {
    "greedy": by_greedy,
    "convex_adam": by_convex_adam,
}


def check_engine(engine: Engine) -> None:
    """Make sure, before the long work, that what an engine needs beyond greedy is there.

    Raises:
        InputError: It is not installed.
    """
    if engine == "convex_adam":
        check_convex_adam()
