"""An earlier CT laid over a later one: found again where it was moved to, refused where it is another's."""

from __future__ import annotations

import numpy as np
import phantoms
import pytest
import SimpleITK as sitk

from LNStationLib.imaging.registration import register_rigidly
from LNStationLib.support.errors import CancelledError, InputError

TRUE_WITHIN_MM = 2.0
"""Half a voxel of the registration's grid."""


def moved(ct: sitk.Image, angles: tuple[float, float, float], shift_mm: tuple[float, float, float]) -> sitk.Image:
    """The same patient on another day: turned and shifted, on a grid of its own."""
    center = ct.TransformContinuousIndexToPhysicalPoint([(n - 1) / 2 for n in ct.GetSize()])
    transform = sitk.Euler3DTransform(center, *angles, shift_mm)
    found = sitk.Resample(ct, ct, transform, sitk.sitkLinear, -1024.0)
    found.SetOrigin([o + 100.0 for o in ct.GetOrigin()])
    return found


def test_a_ct_that_was_turned_and_shifted_is_laid_over_the_other_again() -> None:
    ct = phantoms.small(3).case.ct
    angles, shift = (0.02, -0.03, 0.05), (6.0, -4.0, 9.0)
    other = moved(ct, angles, shift)
    found = register_rigidly(ct, other)
    center = ct.TransformContinuousIndexToPhysicalPoint([(n - 1) / 2 for n in ct.GetSize()])
    truth = sitk.Euler3DTransform(center, *angles, shift)
    for offset in ((0, 0, 0), (60, 0, 0), (0, 50, 0), (0, 0, -60)):
        seen = np.add(center, offset)
        # The resampled image shows at "seen" what lies at truth(seen); the grid then moved by 100 mm.
        in_other = np.append(seen + 100.0, 1.0)
        expected = truth.TransformPoint([float(v) for v in seen])
        assert np.linalg.norm((found.to_fixed @ in_other)[:3] - expected) < TRUE_WITHIN_MM
    assert found.correlation > 0.9
    rotation = found.to_fixed[:3, :3]
    assert rotation @ rotation.T == pytest.approx(np.eye(3), abs=1e-9), "no size changes"
    assert np.linalg.det(rotation) == pytest.approx(1.0)


def test_something_else_is_refused_with_one_sentence() -> None:
    ct = phantoms.small(3).case.ct
    noise = sitk.GetImageFromArray(np.random.default_rng(0).normal(-500, 300, (40, 60, 60)).astype(np.int16))
    noise.SetSpacing((4.0, 4.0, 4.0))
    with pytest.raises(InputError, match="same patient"):
        register_rigidly(ct, noise)


def test_cancelling_ends_it() -> None:
    ct = phantoms.small(3).case.ct

    def cancel(step: str, fraction: float) -> None:
        raise CancelledError

    with pytest.raises(CancelledError):
        register_rigidly(ct, ct, cancel)
