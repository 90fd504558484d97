"""Traits of real scans that the audited cohorts do not have, by name; none is ever drawn, each is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, get_args

ScanTrait = Literal["gown", "blanket", "open_blanket", "pillow", "mattress", "arms_down", "lung_kernel", "unenhanced"]
"""``gown``, ``blanket`` (down to the couch on both sides), ``open_blanket`` (ends in the air on one side), ``pillow``
and ``mattress`` are bedding (``images.bedding``); ``arms_down`` lays the arms beside the chest with air between,
partly touching it and cut by the field of view; ``lung_kernel`` is a sharp kernel with its noise; ``unenhanced`` is
a CT without contrast medium."""
SCAN_TRAITS: tuple[ScanTrait, ...] = get_args(ScanTrait)
Extent = Literal["chest", "head_to_thigh"]
EXTENTS: tuple[Extent, ...] = get_args(Extent)
# What a trait fixes of ``Variation``.
_FIXED: dict[str, dict[str, Any]] = {
    "arms_down": {"arms": "beside"},
    "lung_kernel": {"kernel": "lung"},
    "unenhanced": {"contrast": "none"},
}


def check_traits(traits: Sequence[str]) -> tuple[ScanTrait, ...]:
    """The traits in the order of ``SCAN_TRAITS``, each once.

    Raises:
        ValueError: A trait is unknown, or both blankets are asked for.
    """
    unknown = sorted(set(traits) - set(SCAN_TRAITS))
    if unknown:
        raise ValueError(f"scan traits must be of {', '.join(SCAN_TRAITS)}, got {', '.join(unknown)}")
    if {"blanket", "open_blanket"} <= set(traits):
        raise ValueError("scan traits must not hold both blanket and open_blanket")
    return tuple(trait for trait in SCAN_TRAITS if trait in traits)


def variation_of(traits: Sequence[ScanTrait]) -> dict[str, Any]:
    """The traits of ``Variation`` that they fix."""
    fixed: dict[str, Any] = {}
    for trait in traits:
        fixed |= _FIXED.get(trait, {})
    return fixed
