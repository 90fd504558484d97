"""Borders: the surfaces that definitions name, each with the account of what placed it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from LNStationLib.support.reason import Reason
from LNStationLib.support.types import FloatArray


class MissingAnatomyError(Exception):
    """A definition's structure is missing and has no surrogate; the stations that need it are left out.

    Attributes:
        reason: Which, as data.
    """

    def __init__(self, reason: Reason) -> None:
        super().__init__(f"{reason.code} {dict(reason.facts)}")
        self.reason = reason


@dataclass(frozen=True)
class Border:
    """A surface given by one coordinate as a function of the other two.

    Attributes:
        position_mm: LPS coordinate in mm, broadcastable to ``[z, y, x]``: a plane has shape ``(1, 1, 1)``, a
            tracheal wall ``(z, 1, 1)``, the prevascular surface ``(z, 1, x)``.
        rests_on: What placed it, as data; ``stations/words.py`` says it.
        surrogate: True where something stood in for the structure that the definition names.
    """

    position_mm: FloatArray
    rests_on: Reason
    surrogate: bool = False


def plane(position_mm: float, rests_on: Reason, *, surrogate: bool = False) -> Border:
    """A border at one coordinate everywhere."""
    return Border(np.full((1, 1, 1), position_mm, dtype=np.float32), rests_on, surrogate)


def curve(positions_mm: FloatArray, rests_on: Reason, *, surrogate: bool = False) -> Border:
    """A border that varies from slice to slice only; ``positions_mm`` has one entry per slice."""
    return Border(np.asarray(positions_mm, dtype=np.float32)[:, None, None], rests_on, surrogate)


def surface(positions_mm: FloatArray, rests_on: Reason, *, surrogate: bool = False) -> Border:
    """A border that varies with slice and column; ``positions_mm`` is ``[z, x]``."""
    return Border(np.asarray(positions_mm, dtype=np.float32)[:, None, :], rests_on, surrogate)
