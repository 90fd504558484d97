"""Documented ways to make a preset's metastases easier or harder to read; the presets themselves stay as audited."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from LNStationLib import anatomy
from LNStationLib.phantom.preset import Appearance, Fraction, Normal, Positive, Preset, SurgeryTable

_MOST = 0.9
"""No sign becomes surer than this, so that both kinds of node keep overlapping."""
_TURNED: Mapping[str, frozenset[str]] = {
    "middle": frozenset({"hu"}),
    "upper": frozenset({"texture_sd_hu", "margin_mm", "elongation"}),
}
"""Signs by station group that point the other way where groups differ wholly: in the middle stations metastases are
then darker, in the upper ones smoother, sharper and longer than benign nodes. Ours, to test what experts are good
for: a rule that holds in one group misleads in another."""


class PresetChange(BaseModel):
    """What is changed of a preset; as it comes, nothing.

    Attributes:
        sign_strength: How far the signs of metastasis (attenuation, texture, margin, elongation, fatty hilum,
            necrosis, conglomerates; neither size nor uptake) lie apart from those of benign nodes, as a multiple of
            the preset's own distance; 1 leaves them. Their spread within benign and metastatic nodes stays.
        reactive_patient_fraction: Part of the patients whose benign nodes are enlarged, 0 to 1; the more, the less
            size tells. ``None`` leaves the preset's.
        reactive_size_factor: How much larger those nodes are; ``None`` leaves the preset's.
        group_signs: How far the signs differ by station group: 0 leaves them pointing the same way everywhere, at 1
            some point the other way in one group, at 0.5 those tell nothing there.
        whole_dissection: Every station is dissected and every node found, so that every station with a node has
            pathology; images stay the same.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    sign_strength: Annotated[float, Field(gt=0, le=5)] = 1.0
    reactive_patient_fraction: Fraction | None = None
    reactive_size_factor: Positive | None = None
    group_signs: Fraction = 0.0
    whole_dissection: bool = False

    def applied(self, preset: Preset) -> Preset:
        """A preset with this change; it has a digest of its own."""
        table = preset.nodes
        update: dict[str, object] = {
            "benign": {g: self._parted(look, table.metastatic[g], g) for g, look in table.benign.items()},
            "metastatic": {g: self._parted(look, table.benign[g], g) for g, look in table.metastatic.items()},
        }
        for name in ("reactive_patient_fraction", "reactive_size_factor"):
            if getattr(self, name) is not None:
                update[name] = getattr(self, name)
        surgery = _whole(preset.surgery) if self.whole_dissection else preset.surgery
        return preset.model_copy(update={"nodes": table.model_copy(update=update), "surgery": surgery})

    def _parted(self, look: Appearance, other: Appearance, group: str) -> Appearance:
        """A look moved away from the other one, about the middle between both; to the other side where signs turn."""
        turned = _TURNED.get(group, frozenset())
        strengths = {
            name: self.sign_strength * (1 - 2 * self.group_signs * (name in turned))
            for name in Appearance.model_fields
        }
        return _moved_apart(look, other, strengths)

    def summary(self) -> str:
        """The change in a few words for titles; empty where there is none."""
        words = [f"signs x {self.sign_strength:g}"] if self.sign_strength != 1 else []
        if self.reactive_patient_fraction is not None:
            words.append(f"{100 * self.reactive_patient_fraction:.0f} % with reactive nodes")
        if self.reactive_size_factor is not None:
            words.append(f"reactive nodes x {self.reactive_size_factor:g}")
        words += [f"signs that differ by station group ({self.group_signs:g} of 1)"] if self.group_signs else []
        words += ["every station dissected"] if self.whole_dissection else []
        return ", ".join(words)


def _moved_apart(look: Appearance, other: Appearance, strengths: Mapping[str, float]) -> Appearance:
    """A look whose signs lie so many times as far from the other's."""
    if all(strength == 1 for strength in strengths.values()):
        return look
    moved: dict[str, object] = {}
    for name, strength in strengths.items():
        own, against = getattr(look, name), getattr(other, name)
        if isinstance(own, Normal):
            mean = np.clip(_moved(own.mean, against.mean, strength), own.low, own.high)
            moved[name] = own.model_copy(update={"mean": float(mean)})
        else:
            moved[name] = float(np.clip(_moved(own, against, strength), 0.0, max(_MOST, own)))
    return Appearance.model_validate(moved)


def _whole(table: SurgeryTable) -> SurgeryTable:
    every = {row.name: 1.0 for row in anatomy.stations()}
    return table.model_copy(update={"dissected": every, "node_found": 1.0, "micrometastasis_found": 1.0})


def _moved(own: float, other: float, strength: float) -> float:
    middle = (own + other) / 2
    return middle + strength * (own - middle)
