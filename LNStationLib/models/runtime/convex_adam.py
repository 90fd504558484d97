"""Deformable registration by convexAdam: self-similarity features, a convex search, then Adam (Siebert et al. 2024).

https://github.com/multimodallearning/convexAdam, doi:10.1109/TMI.2024.3462248. It needs the optional package
convexAdam.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np

from LNStationLib.support.errors import InputError
from LNStationLib.support.types import FloatArray

MISSING = (
    "registration by convexAdam needs the package convexAdam, which is not installed: pip install convexAdam==0.2.0."
)


def check_convex_adam() -> None:
    """Make sure, before the long work, that convexAdam is there.

    Raises:
        InputError: It is not installed.
    """
    try:
        _imported()
    except ImportError as error:
        raise InputError(MISSING) from error


def convex_adam_displacement(fixed: FloatArray, moving: FloatArray, smoothness: float = 1.25) -> FloatArray:
    """Where each voxel of an image lies in another one on the same grid.

    On one thread of the CPU, so that the same images give the same answer and registrations may run side by side.

    Args:
        fixed: ``[z, y, x]``.
        moving: Of the same shape, roughly aligned: displacements reach 24 voxels.
        smoothness: Weight of the field's smoothness; the authors' default.

    Returns:
        float32 ``[z, y, x, 3]``: what is added to an index of ``fixed`` to get that of ``moving``, along z, y, x.

    Raises:
        ImportError: convexAdam is not installed.
    """
    import torch

    function = _imported()
    with _quietly_on_one_thread():
        found = function(
            np.ascontiguousarray(fixed, np.float32),
            np.ascontiguousarray(moving, np.float32),
            lambda_weight=smoothness,
            dtype=torch.float32,
            device=torch.device("cpu"),
        )
    return np.asarray(found, np.float32)


def _imported() -> Callable[..., np.ndarray]:
    """The package's function; what it does to the filter of warnings on import is taken back."""
    with warnings.catch_warnings():
        from convexAdam.convex_adam_MIND import convex_adam_pt

    return convex_adam_pt


@contextmanager
def _quietly_on_one_thread() -> Iterator[None]:
    """The package leaves a default of torch to torch, which warns of it."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            yield
    finally:
        torch.set_num_threads(before)
