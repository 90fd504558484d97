"""Means over samples whose intervals draw whole patients: samples of one patient are not independent."""

from __future__ import annotations

import numpy as np

_RESAMPLES = 2000


def patient_bootstrap(values: np.ndarray, patients: np.ndarray, seed: int = 0) -> tuple[float, float, float]:
    """Mean of values with its 95 % percentile interval.

    Args:
        values: Of every sample, ``[n]``.
        patients: Of every sample, ``[n]``.
        seed: Of the draw.

    Raises:
        ValueError: There are no samples.
    """
    sums, counts = sums_by_patient(values, patients)
    drawn = np.random.default_rng(seed).integers(0, len(sums), (_RESAMPLES, len(sums)))
    means = sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1)
    low, high = np.percentile(means, [2.5, 97.5])
    return float(values.mean()), float(low), float(high)


def sums_by_patient(values: np.ndarray, patients: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sum and number of each patient's values.

    Raises:
        ValueError: There are no samples.
    """
    if not len(values):
        raise ValueError("there are no samples to compare")
    _, index = np.unique(patients, return_inverse=True)
    return np.bincount(index, weights=values), np.bincount(index)
