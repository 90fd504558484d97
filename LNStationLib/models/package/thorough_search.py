"""How a network of visible nodes is asked in several views, and how candidates are taken from their mean."""

from __future__ import annotations

import math
from typing import Literal

from pydantic import Field

from LNStationLib.models.package.froc import Froc
from LNStationLib.models.package.parts import Strict
from LNStationLib.sampling.volume import VolumeSpec

Axis = Literal["x", "y", "z"]


class View(Strict):
    """One way to show a region to the network.

    Attributes:
        mirrored: Axis of the patient along which it is mirrored; ``None`` for as it lies.
        voxel_scale: Voxel size as a part of that in training: below 1 nodes look larger.
    """

    mirrored: Axis | None = None
    voxel_scale: float = Field(1.0, ge=0.5, le=1.0)

    @property
    def axis(self) -> int | None:
        """Of ``[z, y, x]``, along which it is mirrored."""
        return None if self.mirrored is None else "zyx".index(self.mirrored)

    def scaled(self, spec: VolumeSpec) -> VolumeSpec:
        """What the network is shown, with voxels of this view's size.

        A patch holds as much of the patient as in training: instance normalization has learned its statistics, and
        fewer windows are asked.
        """
        spacing_mm = tuple(mm * self.voxel_scale for mm in spec.spacing_mm)
        patch = tuple(math.ceil(n / self.voxel_scale) for n in spec.patch)
        return spec.model_copy(update={"spacing_mm": spacing_mm, "patch": patch})


AS_IT_LIES = View()
"""As in training."""


class ThoroughSearch(Strict):
    """The views whose answers are averaged, and the candidates in their mean.

    A single node is a peak of the mean probability (test-time augmentation, Wang et al. 2019), and reaches as far as
    half of that peak, however faint the peak is: a fixed level would cut small nodes to nothing.

    Attributes:
        froc: Of visible nodes, measured in whole assessments of patients that training has not seen.
        views: The ways to ask.
        least_peak: Probability of the faintest peak that is a candidate.
        least_rise: By how much two peaks must rise above the saddle between them to be two nodes.
        outline: Part of its peak's probability from which a voxel belongs to a candidate.
        smallest_short_axis_mm: Candidates that measure less on the CT are left out.
    """

    froc: Froc = Field(min_length=2)
    views: list[View] = Field(min_length=1)
    least_peak: float = Field(gt=0, lt=1)
    least_rise: float = Field(gt=0, lt=1)
    outline: float = Field(0.5, gt=0, lt=1)
    smallest_short_axis_mm: float = Field(gt=0)
