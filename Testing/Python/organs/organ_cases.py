"""A small synthetic thorax with known places, and the real CT where it is present."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from made_once import made_once
from scipy import ndimage
from states import organs_on

from LNStationLib.case.case import Case
from LNStationLib.imaging.grid import Grid, working_grid
from LNStationLib.state.organ_set import OrganSet
from LNStationLib.state.settings import Settings

SPACING_MM = 2.0
SHAPE = (130, 100, 145)
ORIGIN_MM = (0.0, -100.0, -144.0)
CARINA = (0.0, 10.0, 150.0)
RIGHT_FORK = (-25.0, 12.0, 135.0)
MIDDLE_FORK = (-34.0, 14.0, 110.0)
LEFT_FORK = (47.0, 18.0, 121.0)
# Radius in mm and the line of every airway, in LPS mm.
AIRWAYS = {
    "trachea": (8.0, (0.0, 0.0, 262.0), CARINA),
    "main_bronchus_right": (6.5, CARINA, RIGHT_FORK),
    "upper_lobe_bronchus_right": (4.5, RIGHT_FORK, (-52.0, 8.0, 143.0)),
    "bronchus_intermedius": (5.5, RIGHT_FORK, MIDDLE_FORK),
    "middle_lobe_bronchus_right": (4.0, MIDDLE_FORK, (-48.0, -14.0, 98.0)),
    "lower_lobe_bronchus_right": (4.5, MIDDLE_FORK, (-44.0, 34.0, 88.0)),
    "main_bronchus_left": (6.0, CARINA, LEFT_FORK),
    "upper_lobe_bronchus_left": (4.5, LEFT_FORK, (70.0, 0.0, 126.0)),
    "lower_lobe_bronchus_left": (4.5, LEFT_FORK, (56.0, 40.0, 96.0)),
}
SPINE_FRONT_Y = 48.0
CANAL = (0.0, 84.0)
# The left brachiocephalic vein in front of the arch's top, down to the cava, and where its lower border crosses the
# trachea.
VEIN_LEFT = ((-21.0, -36.0, 190.0), (38.0, -50.0, 212.0))
VEIN_RADIUS_MM = 6.0
CROSSING_Z = 191.0
MANUBRIUM_TOP_Z = 218.0
REAL_CT = Path(__file__).resolve().parents[4] / "shared" / "data" / "chest_ct_01"


@dataclass(frozen=True)
class Thorax:
    """A synthetic CT with its true masks."""

    hu: np.ndarray
    masks: dict[str, np.ndarray]
    grid: Grid

    def case(self, *supplied: str) -> Case:
        """A case of this CT with some of its true masks supplied."""
        images = {name: self.grid.image(self.masks[name]) for name in supplied}
        origins = dict.fromkeys(images, "true mask")
        return Case("synthetic", self.grid.image(self.hu), organ_masks=images, organ_origins=origins)

    def mirrored(self) -> Thorax:
        """The same thorax with right and left exchanged."""
        masks = {name: np.ascontiguousarray(mask[:, :, ::-1]) for name, mask in self.masks.items()}
        return Thorax(np.ascontiguousarray(self.hu[:, :, ::-1]), masks, self.grid)


def _points() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    z, y, x = np.meshgrid(
        *(o + SPACING_MM * np.arange(n) for o, n in zip(ORIGIN_MM, SHAPE, strict=True)), indexing="ij", sparse=True
    )
    return z, y, x


def tube(start: tuple[float, ...], end: tuple[float, ...], radius: float) -> np.ndarray:
    """Voxels within ``radius`` mm of a line between two LPS points."""
    z, y, x = _points()
    a, b = np.array(start), np.array(end)
    d = b - a
    t = np.clip(((x - a[0]) * d[0] + (y - a[1]) * d[1] + (z - a[2]) * d[2]) / float(d @ d), 0, 1)
    gap = (x - a[0] - t * d[0]) ** 2 + (y - a[1] - t * d[1]) ** 2 + (z - a[2] - t * d[2]) ** 2
    return np.asarray(gap <= radius**2)


def _aorta() -> np.ndarray:
    front, back, base = np.array([12.0, -36.0]), np.array([28.0, 38.0]), 162.0
    mask = tube((*front, 90.0), (*front, base), 15.0) | tube((*back, 0.0), (*back, base), 12.0)
    angles = np.linspace(0, np.pi, 25)
    middle, half = (front + back) / 2, (back - front) / 2
    points = [
        (*(middle - np.cos(angle) * half + np.array([8.0 * np.sin(angle), 0.0])), base + 32.0 * np.sin(angle))
        for angle in angles
    ]
    for start, end in pairwise(points):
        mask |= tube(start, end, 13.0)
    return mask


def _lungs() -> dict[str, np.ndarray]:
    z, y, x = _points()
    lungs = {}
    for name, side in (("lung_right", -1.0), ("lung_left", 1.0)):
        ball = ((x - side * 66) / 58) ** 2 + ((y - 4) / 72) ** 2 + ((z - 125) / 118) ** 2 <= 1
        lungs[name] = np.asarray(ball & (side * x > 20) & (z > 40))
    return lungs


def _masks() -> dict[str, np.ndarray]:
    z, y, x = _points()
    flat = np.zeros(SHAPE, bool)
    # A superellipse, so that the chest wall is nowhere thinner than a lean adult's.
    masks = {"body": flat | (np.abs(x / 138) ** 3 + np.abs(y / 94) ** 3 <= 1), **_lungs()}
    masks |= {name: tube(a, b, r) for name, (r, a, b) in AIRWAYS.items()}
    masks["aorta"] = _aorta()
    trunk = tube((46.0, -40.0, 92.0), (38.0, -10.0, 126.0), 11.0)
    masks["pulmonary_artery_right"] = tube((38.0, -10.0, 126.0), (-42.0, -9.0, 122.0), 8.5)
    masks["pulmonary_artery_left"] = tube((38.0, -10.0, 126.0), (56.0, 24.0, 134.0), 9.0)
    masks["pulmonary_artery"] = trunk | masks["pulmonary_artery_right"] | masks["pulmonary_artery_left"]
    heart = ((x - 25) / 48) ** 2 + ((y + 22) / 42) ** 2 + ((z - 62) / 34) ** 2 <= 1
    masks["heart"] = flat | heart
    masks["sternum"] = flat | ((np.abs(x) < 20) & (np.abs(y + 76) < 5) & (z > 90) & (z < MANUBRIUM_TOP_Z))
    for name, side in (("clavicle_right", -1.0), ("clavicle_left", 1.0)):
        masks[name] = tube((side * 24, -68.0, 222.0), (side * 90, -50.0, 246.0), 6.0)
    bodies = (np.abs(x) / 16) ** 3 + (np.abs(y - SPINE_FRONT_Y - 13) / 13) ** 3 <= 1
    ring = (x - CANAL[0]) ** 2 + (y - CANAL[1]) ** 2
    masks["spine"] = flat | bodies | ((ring <= 13.5**2) & (ring > 8**2))
    masks["superior_vena_cava"] = tube((-22.0, -26.0, 100.0), (-22.0, -32.0, 190.0), 8.0)
    masks["brachiocephalic_vein_left"] = tube(*VEIN_LEFT, VEIN_RADIUS_MM) & ~masks["superior_vena_cava"]
    masks["esophagus"] = tube((4.0, 16.0, 260.0), (6.0, 36.0, 150.0), 6.0)
    masks["esophagus"] |= tube((6.0, 36.0, 150.0), (8.0, 36.0, 30.0), 6.0)
    return masks


def make_thorax(contrast_hu: float = 300.0) -> Thorax:
    """The synthetic thorax; 45 HU make it a CT without contrast."""
    masks = _masks()
    hu = np.full(SHAPE, -1000.0)
    hu[masks["body"]] = -90.0
    lungs = masks["lung_left"] | masks["lung_right"]
    hu[lungs] = -860.0
    for name in ("esophagus", "superior_vena_cava", "brachiocephalic_vein_left"):
        hu[masks[name]] = 45.0
    for name in ("heart", "pulmonary_artery", "aorta"):
        hu[masks[name]] = contrast_hu
    for radius, start, end in AIRWAYS.values():
        hu[tube(start, end, radius + 2.5) & ~masks["aorta"]] = 20.0
    for name in ("spine", "sternum", "clavicle_left", "clavicle_right"):
        hu[masks[name]] = 320.0
    z, y, x = _points()
    hu[np.broadcast_to((x - CANAL[0]) ** 2 + (y - CANAL[1]) ** 2 <= 64, SHAPE)] = 30.0
    for name in AIRWAYS:
        hu[masks[name]] = -1000.0
    # A stomach bubble under the left lung.
    hu[(x - 60) ** 2 + (y + 20) ** 2 + (z - 18) ** 2 <= 15**2] = -1000.0
    hu = ndimage.gaussian_filter(hu, 0.5) + np.random.default_rng(7).normal(0, 12, SHAPE)
    masks["lung_left"] &= hu < -400
    masks["lung_right"] &= hu < -400
    grid = Grid(SHAPE, (SPACING_MM,) * 3, ORIGIN_MM)
    return Thorax(np.clip(hu, -1024, 3000).astype(np.int16), masks, grid)


def find_in(thorax: Thorax, *supplied: str) -> OrganSet:
    """Organs of a thorax with some of its masks supplied."""
    return organs_on(thorax.case(*supplied), thorax.grid, Settings(working_spacing_mm=SPACING_MM))


def dice(one: np.ndarray, other: np.ndarray) -> float:
    """Dice overlap of two masks."""
    return 2.0 * float((one & other).sum()) / float(one.sum() + other.sum())


def real_case(*, supplied: bool) -> Case:
    """The real CT as a case; skips the test where it is absent."""
    if not REAL_CT.is_dir():
        pytest.skip("the real CT ../shared/data/chest_ct_01 is not here")
    paths = sorted((REAL_CT / "organs").glob("*.nii.gz")) if supplied else []
    names = [path.name.removesuffix(".nii.gz") for path in paths]
    pairs = [(name, path) for name, path in zip(names, paths, strict=True) if not name.startswith("vertebrae")]
    return Case(
        "chest_ct_01",
        sitk.ReadImage(str(REAL_CT / "ct.nii.gz")),
        organ_masks={name: sitk.ReadImage(str(path)) for name, path in pairs},
        organ_origins={name: path.name for name, path in pairs},
    )


@made_once
def real_organs_found(*, supplied: bool) -> OrganSet:
    """Organs of the real CT on the usual working grid; skips the test where it is absent."""
    case = real_case(supplied=supplied)
    return organs_on(case, working_grid(case.ct, 1.5), Settings())
