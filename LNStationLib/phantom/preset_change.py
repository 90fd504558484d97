"""Documented ways to make a preset's metastases easier or harder to read; the presets themselves stay as audited."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from LNStationLib.phantom.preset import Appearance, Fraction, Normal, Positive, Preset

_MOST = 0.9
"""No sign becomes surer than this, so that both kinds of node keep overlapping."""


class PresetChange(BaseModel):
    """What is changed of a preset; as it comes, nothing.

    Attributes:
        sign_strength: How far the signs of metastasis (attenuation, texture, margin, elongation, fatty hilum,
            necrosis, conglomerates; neither size nor uptake) lie apart from those of benign nodes, as a multiple of
            the preset's own distance; 1 leaves them. Their spread within benign and metastatic nodes stays.
        reactive_patient_fraction: Part of the patients whose benign nodes are enlarged, 0 to 1; the more, the less
            size tells. ``None`` leaves the preset's.
        reactive_size_factor: How much larger those nodes are; ``None`` leaves the preset's.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    sign_strength: Annotated[float, Field(gt=0, le=5)] = 1.0
    reactive_patient_fraction: Fraction | None = None
    reactive_size_factor: Positive | None = None

    def applied(self, preset: Preset) -> Preset:
        """A preset with this change; it has a digest of its own."""
        table = preset.nodes
        update: dict[str, object] = {
            "benign": {g: _parted(look, table.metastatic[g], self.sign_strength) for g, look in table.benign.items()},
            "metastatic": {
                g: _parted(look, table.benign[g], self.sign_strength) for g, look in table.metastatic.items()
            },
        }
        for name in ("reactive_patient_fraction", "reactive_size_factor"):
            if getattr(self, name) is not None:
                update[name] = getattr(self, name)
        return preset.model_copy(update={"nodes": table.model_copy(update=update)})

    def summary(self) -> str:
        """The change in a few words for titles; empty where there is none."""
        words = [f"signs x {self.sign_strength:g}"] if self.sign_strength != 1 else []
        if self.reactive_patient_fraction is not None:
            words.append(f"{100 * self.reactive_patient_fraction:.0f} % with reactive nodes")
        if self.reactive_size_factor is not None:
            words.append(f"reactive nodes x {self.reactive_size_factor:g}")
        return ", ".join(words)


def _parted(look: Appearance, other: Appearance, strength: float) -> Appearance:
    """A look moved away from the other one, about the middle between both."""
    if strength == 1:
        return look
    moved: dict[str, object] = {}
    for name in Appearance.model_fields:
        own, against = getattr(look, name), getattr(other, name)
        if isinstance(own, Normal):
            mean = np.clip(_moved(own.mean, against.mean, strength), own.low, own.high)
            moved[name] = own.model_copy(update={"mean": float(mean)})
        else:
            moved[name] = float(np.clip(_moved(own, against, strength), 0.0, max(_MOST, own)))
    return Appearance.model_validate(moved)


def _moved(own: float, other: float, strength: float) -> float:
    middle = (own + other) / 2
    return middle + strength * (own - middle)
