"""Rigid registration of two CTs of a chest: an earlier study laid over a later one.

By SimpleITK (Lowekamp et al. 2013, doi:10.3389/fninf.2013.00045) with Mattes mutual information (Mattes et al. 2003,
doi:10.1109/TMI.2003.809072). Rigid on purpose: sizes of nodes must not be changed by the registration.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk

from LNStationLib.imaging.arrays import array_view
from LNStationLib.support.errors import CancelledError, InputError
from LNStationLib.support.progress import Progress, silent
from LNStationLib.support.types import FloatArray

_SPACING_MM = 4.0
"""Grid of the registration: the chest as a whole is aligned, and some seconds are enough for it."""
_LOWEST_HU, _HIGHEST_HU = -1000.0, 300.0
"""Bone above it and contrast in vessels count alike in both studies."""
_LEAST_CORRELATION = 0.6
"""Of the two CTs where they overlap: lung upon lung and bone upon bone. It tells a chest from what is none, not one
patient from another, whose chest reaches 0.7."""
_LEAST_OVERLAP = 0.3
"""Of the smaller CT's volume: a neck does not fit a chest, however alike a few slices are."""
_SHRINK, _SMOOTHING_MM = (4, 2, 1), (8.0, 4.0, 0.0)
_SAMPLED, _SEED = 0.2, 7
_BINS, _ITERATIONS = 32, 60


@dataclass(frozen=True)
class RigidRegistration:
    """How an earlier CT lies over a later one.

    Attributes:
        to_fixed: 4x4, points of the earlier study to points of the later one, LPS mm.
        correlation: Of both where they overlap, in [-1, 1].
    """

    to_fixed: FloatArray
    correlation: float


def register_rigidly(fixed: sitk.Image, moving: sitk.Image, progress: Progress = silent) -> RigidRegistration:
    """Lay a CT over another.

    Args:
        fixed: The later CT.
        moving: The earlier one.
        progress: Told the fraction done; may raise ``CancelledError``.

    Raises:
        InputError: They do not fit: another patient, or another part of the body.
    """
    fixed_small, moving_small = _coarse(fixed), _coarse(moving)
    transform = _optimized(fixed_small, moving_small, progress)
    correlation, overlap = _agreement(fixed_small, moving_small, transform)
    if correlation < _LEAST_CORRELATION or overlap < _LEAST_OVERLAP:
        raise InputError(
            f"the earlier CT does not fit this one (correlation {correlation:.2f}): "
            "choose a chest CT of the same patient."
        )
    progress("registered", 1.0)
    # SimpleITK's transform leads from the fixed image to the moving one.
    return RigidRegistration(np.linalg.inv(_matrix(transform)), correlation)


def _coarse(ct: sitk.Image) -> sitk.Image:
    clipped = sitk.Clamp(sitk.Cast(ct, sitk.sitkFloat32), sitk.sitkFloat32, _LOWEST_HU, _HIGHEST_HU)
    factors = [max(1, round(_SPACING_MM / spacing)) for spacing in ct.GetSpacing()]
    return sitk.BinShrink(clipped, factors)


def _optimized(fixed: sitk.Image, moving: sitk.Image, progress: Progress) -> sitk.Transform:
    method = sitk.ImageRegistrationMethod()
    method.SetMetricAsMattesMutualInformation(_BINS)
    method.SetMetricSamplingStrategy(method.RANDOM)
    method.SetMetricSamplingPercentage(_SAMPLED, _SEED)
    method.SetInterpolator(sitk.sitkLinear)
    method.SetOptimizerAsRegularStepGradientDescent(4.0, 0.02, _ITERATIONS, gradientMagnitudeTolerance=1e-5)
    method.SetOptimizerScalesFromPhysicalShift()
    method.SetShrinkFactorsPerLevel(list(_SHRINK))
    method.SetSmoothingSigmasPerLevel(list(_SMOOTHING_MM))
    method.SetInitialTransform(_start(fixed, moving), inPlace=False)
    watch = _Watch(method, progress)
    method.AddCommand(sitk.sitkIterationEvent, watch.iterated)
    try:
        found = method.Execute(fixed, moving)
    except RuntimeError as error:
        raise InputError("the two CTs do not overlap: choose a chest CT of the same patient.") from error
    watch.raise_if_cancelled()
    return found


def _start(fixed: sitk.Image, moving: sitk.Image) -> sitk.Transform:
    """The middles of what is in the CTs upon each other: positions on the table differ."""
    lifted = [sitk.Add(image, -_LOWEST_HU) for image in (fixed, moving)]
    kind = sitk.CenteredTransformInitializerFilter.MOMENTS
    return sitk.CenteredTransformInitializer(*lifted, sitk.Euler3DTransform(), kind)


class _Watch:
    """Tells of the progress from within SimpleITK, through which no exception may pass."""

    def __init__(self, method: sitk.ImageRegistrationMethod, progress: Progress) -> None:
        self._method = method
        self._progress = progress
        self._cancelled: CancelledError | None = None
        self._level, self._last = 0, 0

    def iterated(self) -> None:
        """Called by SimpleITK."""
        done = self._method.GetOptimizerIteration()
        self._level += done < self._last
        self._last = done
        share = (self._level + done / _ITERATIONS) / len(_SHRINK)
        try:
            self._progress("registering the earlier CT", min(share, 1.0))
        except CancelledError as error:
            self._cancelled = error
            self._method.StopRegistration()

    def raise_if_cancelled(self) -> None:
        """Pass on what was held back."""
        if self._cancelled is not None:
            raise self._cancelled


def _agreement(fixed: sitk.Image, moving: sitk.Image, transform: sitk.Transform) -> tuple[float, float]:
    """Correlation where both have voxels, and which part of the smaller CT that is."""
    outside = _LOWEST_HU - 1.0
    laid = array_view(sitk.Resample(moving, fixed, transform, sitk.sitkLinear, outside))
    known = laid >= _LOWEST_HU - 0.5
    one, other = array_view(fixed)[known], laid[known]
    if one.size < 2 or not one.std() or not other.std():
        return 0.0, 0.0
    voxel, small = np.prod(fixed.GetSpacing()), min(_volume_mm3(fixed), _volume_mm3(moving))
    return float(np.corrcoef(one, other)[0, 1]), float(one.size * voxel / small)


def _volume_mm3(image: sitk.Image) -> float:
    return float(np.prod(image.GetSpacing()) * np.prod(image.GetSize()))


def _matrix(transform: sitk.Transform) -> FloatArray:
    """4x4 of a rigid transform, by where it takes the axes."""
    origin = np.array(transform.TransformPoint((0.0, 0.0, 0.0)))
    axes = [np.array(transform.TransformPoint(tuple(float(v) for v in axis))) - origin for axis in np.eye(3)]
    matrix: FloatArray = np.eye(4)
    matrix[:3, :3] = np.stack(axes, axis=1)
    matrix[:3, 3] = origin
    return matrix
