"""Uncertainty of a measurement near its threshold."""

from __future__ import annotations

_NEAR_SHARE = 0.2
"""Part of a threshold by which one measurement may miss it.

Two readers of a node's shortest axial diameter on CT differ by up to 21 % (1.96 sqrt(2) times the within-subject
coefficient of variation of 7.8 % in 224 nodes, PMID 27569854); an SUVmax that is measured again has a coefficient of
10 to 12 % (QIBA Profile FDG-PET/CT 1.13), so one value is good to 1.96 times that, 20 to 24 %. For a probability
there is no such figure; the same part is a convention.
"""


def nearly(value: float, threshold: float) -> bool:
    """True within the uncertainty of measurement below a threshold, or above it; in the threshold's unit."""
    return value >= (1.0 - _NEAR_SHARE) * threshold
