"""What a method may need of a case."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Need:
    """Something that a case has or lacks.

    Attributes:
        name: For programs.
        title: Title with its article, to follow "the case has no" or "needs".
        met: Whether a case (or something with as much of it as matters) has it.
    """

    name: str
    title: str
    met: Callable[[Any], bool]


PET = Need("pet", "PET", lambda case: case.pet is not None)
NODE_MASKS = Need("node_masks", "node mask", lambda case: case.nodes is not None)
LUNG_CANCER = Need("lung_cancer", "lung cancer", lambda case: case.facts.cancer == "lung")
ESOPHAGEAL_CANCER = Need("esophageal_cancer", "esophageal cancer", lambda case: case.facts.cancer == "esophagus")
