"""Streams of networks that find significant nodes: what each sees, and on which side of the distance it answers.

OSLN (Zhu et al. 2020, Sec. 3.1): a stream sees CT alone, or CT with PET and the distance to the tumor (early fusion);
a stratified one learned only nodes near the tumor or only those far from it. Answers are fused by their maximum.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Literal

Zone = Literal["near", "far"]
NODES = "nodes"
"""Role of the network that finds every visible node, significant or not."""


@dataclass(frozen=True)
class Stream:
    """One network for significant nodes.

    Attributes:
        title: For people.
        with_pet: Whether it sees PET and the distance to the tumor beside the CT.
        zone: Nodes that it learned; ``None`` for all.
    """

    title: str
    with_pet: bool
    zone: Zone | None


STREAMS: Mapping[str, Stream] = {
    "ct": Stream("CT", False, None),
    "ct_near": Stream("CT, near the tumor", False, "near"),
    "ct_far": Stream("CT, far from the tumor", False, "far"),
    "pet": Stream("CT, PET and tumor distance", True, None),
    "pet_near": Stream("CT, PET and tumor distance, near the tumor", True, "near"),
    "pet_far": Stream("CT, PET and tumor distance, far from the tumor", True, "far"),
}
"""By role in a package."""
FUSIONS: Mapping[str, tuple[str, ...]] = {
    "CT": ("ct",),
    "EF": ("pet",),
    "LF": ("ct", "pet"),
    "CT, stratified": ("ct_near", "ct_far"),
    "EF, stratified": ("pet_near", "pet_far"),
    "LF, stratified": ("ct_near", "ct_far", "pet_near", "pet_far"),
}
"""The six settings of OSLN's Table 1b: early fusion (EF), late fusion (LF) and CT alone, with and without
stratification; from the simplest to the paper's own."""


def best_fusion(roles: Collection[str]) -> tuple[str, ...]:
    """Those of some roles that are asked together: the last setting that they all allow, else all of them.

    Without the streams that need PET what is left is CT alone, stratified or not.
    """
    there = [each for each in FUSIONS.values() if set(each) <= set(roles)]
    return there[-1] if there else tuple(role for role in STREAMS if role in roles)
