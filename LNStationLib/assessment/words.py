"""The words of every code that a step may give; importing this file makes them known."""

from __future__ import annotations

import LNStationLib.metastasis.words
import LNStationLib.nodes.words
import LNStationLib.quality.words
import LNStationLib.stations.atlas_registration.words
import LNStationLib.stations.words  # noqa: F401
from LNStationLib.support.words import sentence, words

__all__ = ["sentence", "words"]
