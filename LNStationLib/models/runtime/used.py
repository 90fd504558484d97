"""Which package a step used, as its provenance names it."""

from __future__ import annotations

from typing import Any

from LNStationLib.models.package.manifest import Manifest
from LNStationLib.models.runtime.devices import chosen_device
from LNStationLib.state.used_model import UsedModel


def used_model(card: Manifest[Any], device: str, engine: str) -> UsedModel:
    """A package that was asked.

    Args:
        card: Of the package.
        device: As the user chose it.
        engine: What ran the network there.
    """
    return UsedModel(
        card.package_id,
        card.version,
        card.sha256,
        card.trained_on,
        tuple(card.references),
        chosen_device(device),
        engine,
    )
