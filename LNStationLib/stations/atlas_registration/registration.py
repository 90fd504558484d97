"""Registration of an atlas to a patient, guided by the organs: rigid and affine by greedy, then deformable.

Greedy: Yushkevich et al., https://github.com/pyushkevich/greedy.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import SimpleITK as sitk
from scipy.ndimage import map_coordinates

from LNStationLib.imaging.boxes import Box, box_around_points, box_of, grown_mm, points_mm
from LNStationLib.imaging.grid import Grid
from LNStationLib.stations.atlas_registration.engines import COMMON, ENGINES, Aligned, Deformation
from LNStationLib.stations.atlas_registration.guides import Guided
from LNStationLib.support.errors import InputError
from LNStationLib.support.reason import Reason
from LNStationLib.support.sentences import first_line
from LNStationLib.support.types import BoolArray, FloatArray

LIBRARY_MISSING = (
    "stations by atlases need the package picsl-greedy, which is not installed: pip install picsl-greedy."
)
_DIVERGED = "it did not converge"
_FEWEST_IN_COMMON = 3
"""Organs: fewer leave turn or scale open."""
_RIGID = f"{COMMON} -a -dof 6 -m SSD -n 60x20x0 -ia-identity -i organs_f organs_m -o rigid"
_AFFINE = f"{COMMON} -a -dof 12 -m SSD -n 60x20x0 -ia rigid -i organs_f organs_m -o affine"
_AROUND_STATIONS_MM = 24.0
"""What lies further from all stations is not deformed. Chosen in development: 24 to 48 mm move stations alike."""
_PAIR = 2
"""Greedy's coarser level halves the grid: it starts and ends between pairs, so that a margin moves no point of it."""
_USUAL = Deformation()
_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
"""Greedy's matrices are in RAS; from and to LPS."""


@dataclass(frozen=True)
class Registered:
    """How an atlas lies in a patient.

    Attributes:
        affine: 4 x 4, from a patient's (warped) point to the atlas's, LPS mm.
        warp_mm: float32 ``[z, y, x, 3]`` on ``grid``: what is added to a patient's point before ``affine``, LPS mm;
            nothing beyond the grid.
        grid: Of the warp: the part of the patient's coarse grid around the stations.
        overlap: Dice coefficient by organ on this grid, between the patient's and the atlas's carried over.
        problem: Why it was not registered; ``None`` where it was.
    """

    affine: FloatArray
    warp_mm: FloatArray
    grid: Grid
    overlap: Mapping[str, float]
    problem: Reason | None = None

    @property
    def mean_overlap(self) -> float:
        """Mean Dice coefficient; 0 without organs."""
        return float(np.mean(list(self.overlap.values()))) if self.overlap else 0.0

    def transform(self) -> sitk.Transform:
        """From the patient's points to the atlas's, as ``sitk.Resample`` takes it."""
        affine = sitk.AffineTransform(3)
        affine.SetMatrix(self.affine[:3, :3].ravel().tolist())
        affine.SetTranslation(self.affine[:3, 3].tolist())
        field = sitk.GetImageFromArray(self.warp_mm.astype(np.float64), isVector=True)
        field.SetSpacing(tuple(reversed(self.grid.spacing_mm)))
        field.SetOrigin(tuple(reversed(self.grid.origin_mm)))
        return sitk.CompositeTransform([affine, sitk.DisplacementFieldTransform(field)])

    def places_in(self, grid: Grid) -> FloatArray:
        """Fractional indices z, y, x in a grid of the atlas of every voxel of the warp's: ``[3, z, y, x]``."""
        z, y, x = np.meshgrid(*(self.grid.coordinates_mm(axis) for axis in range(3)), indexing="ij")
        points = np.stack([x, y, z]) + np.moveaxis(self.warp_mm, -1, 0)
        there = np.tensordot(self.affine[:3, :3], points, 1)[::-1]
        moves = self.affine[2::-1, 3] - grid.origin_mm
        return np.stack([(one + move) / step for one, move, step in zip(there, moves, grid.spacing_mm, strict=True)])

    def carry(self, image: sitk.Image, onto: Grid, *, labels: bool, outside: float = 0.0) -> np.ndarray:
        """An image of the atlas on a grid of the patient, ``[z, y, x]``."""
        how = sitk.sitkNearestNeighbor if labels else sitk.sitkLinear
        return sitk.GetArrayFromImage(sitk.Resample(image, onto.reference, self.transform(), how, outside))


def check_library() -> None:
    """Make sure, before the long work, that greedy is there.

    Raises:
        InputError: It is not installed.
    """
    try:
        import picsl_greedy  # noqa: F401
    except ImportError as error:
        raise InputError(LIBRARY_MISSING) from error


def register(pair: tuple[Guided, Guided], how: Deformation = _USUAL) -> Registered:
    """Register an atlas to a patient.

    Args:
        pair: The patient and the atlas, on grids of one spacing; one argument, so that processes can share the work.
        how: Engine and parameters of the deformable step.

    Returns:
        The registration, with ``problem`` where the two have too few organs in common or an engine gives up.
    """
    patient, atlas = pair
    common = [name for name in patient.organs if name in atlas.organs]
    if len(common) < _FEWEST_IN_COMMON:
        return _none(patient, Reason("few_organs_in_common", {"n_organs": len(common)}))
    try:
        found, part = _found(patient, atlas, common, how)
    except RuntimeError as error:
        return _none(patient, Reason("registration_failed", {"error": first_line(error)}))
    return replace(found, overlap=overlaps(found, part, atlas, common))


def _found(patient: Guided, atlas: Guided, common: list[str], how: Deformation) -> tuple[Registered, Guided]:
    """How the atlas lies, without overlaps, and the part of the patient that was deformed.

    Raises:
        RuntimeError: An engine gave up.
    """
    from picsl_greedy import GreedyFloat3D

    # Greedy starts where both are: the atlas is brought to the patient before.
    shift = _shift_mm(patient, atlas, common)
    near = _moved(atlas.grid, -shift)
    greedy, told = GreedyFloat3D(), io.StringIO()
    organs = {
        "organs_f": patient.grid.image(patient.picture(common)),
        "organs_m": near.image(atlas.picture(common)),
    }
    greedy.execute(_RIGID, out=told, err=told, rigid=None, **organs)
    greedy.execute(_AFFINE, out=told, err=told, affine=None)
    found = np.asarray(greedy["affine"], float)
    affine = _RAS @ found @ _RAS
    if not np.isfinite(affine).all():
        raise RuntimeError(_DIVERGED)
    affine[:3, 3] += shift
    part = patient.part(_around_stations(patient.grid, atlas, affine))
    warp = ENGINES[how.engine](Aligned(part, near, atlas, common, greedy, found), how)
    if not np.isfinite(warp).all():
        raise RuntimeError(_DIVERGED)
    return Registered(affine, warp.astype(np.float32), part.grid, {}), part


def _around_stations(grid: Grid, atlas: Guided, affine: FloatArray) -> Box:
    """Where the affine step puts the atlas's stations, with a margin; the whole grid where that is unknown."""
    box = None
    if atlas.stations is not None and atlas.stations.any():
        points = points_mm(atlas.grid.reference, np.argwhere(atlas.stations))
        there = np.linalg.solve(affine[:3, :3], (points - affine[:3, 3]).T).T
        box = box_around_points(grid.reference, there)
    if box is None:
        return slice(0, grid.shape[0]), slice(0, grid.shape[1]), slice(0, grid.shape[2])
    around = grown_mm(box, _AROUND_STATIONS_MM, grid.spacing_mm, grid.shape)
    z, y, x = (
        slice(part.start - part.start % _PAIR, min(part.stop + part.stop % _PAIR, size))
        for part, size in zip(around, grid.shape, strict=True)
    )
    return z, y, x


def _moved(grid: Grid, shift_mm: FloatArray) -> Grid:
    z, y, x = np.add(grid.origin_mm, shift_mm[::-1]).tolist()
    return Grid(grid.shape, grid.spacing_mm, (z, y, x))


def _shift_mm(patient: Guided, atlas: Guided, common: list[str]) -> FloatArray:
    """From the patient's organs to the atlas's, LPS ``(x, y, z)``: the median over the organs' centers.

    Each organ counts once, so that what one of both views cuts off hardly moves it.
    """
    moves = [np.subtract(_center_mm(atlas, name), _center_mm(patient, name)) for name in common]
    return np.asarray(np.median(moves, axis=0))


def _center_mm(guided: Guided, name: str) -> tuple[float, float, float]:
    z, y, x = np.argwhere(guided.organs[name] > 0.5).mean(axis=0)
    return guided.grid.point_mm((float(z), float(y), float(x)))


def overlaps(found: Registered, patient: Guided, atlas: Guided, common: list[str]) -> dict[str, float]:
    """Dice coefficient by organ on the warp's grid, within what the atlas's CT covers.

    An organ of which neither has a voxel there has none.

    Args:
        found: The registration.
        patient: On the grid of its warp.
        atlas: What was registered.
        common: Organs of both.
    """
    places = found.places_in(atlas.grid)
    covered = _between(places, [-0.5] * 3, [size - 0.5 for size in atlas.grid.shape])
    result = {}
    for name in common:
        theirs = _mostly(atlas.organs[name], places) & covered
        mine = patient.organs[name] > 0.5
        if mine.any() or theirs.any():
            mine &= covered
            total = np.count_nonzero(mine) + np.count_nonzero(theirs)
            result[name] = 2.0 * int(np.count_nonzero(mine & theirs)) / int(total) if total else 0.0
    return result


def _mostly(part: FloatArray, places: FloatArray) -> BoolArray:
    """At which fractional indices ``[3, z, y, x]`` an organ takes more than half, read within its box alone."""
    box = box_of(part > 0)
    found = _between(places, [side.start - 1 for side in box], [side.stop for side in box])
    found[found] = map_coordinates(part, places[:, found], order=1, mode="nearest") > 0.5
    return found


def _between(places: FloatArray, low: Sequence[float], high: Sequence[float]) -> BoolArray:
    """Which indices lie from the lower to below the upper one along every axis."""
    inside = [(one >= first) & (one < last) for one, first, last in zip(places, low, high, strict=True)]
    return np.asarray(np.logical_and.reduce(inside))


def _none(patient: Guided, problem: Reason) -> Registered:
    empty = np.zeros((*patient.grid.shape, 3), np.float32)
    return Registered(np.eye(4), empty, patient.grid, {}, problem)
