"""A listener for warnings."""

from __future__ import annotations

from LNStationLib.support.reason import Reason
from LNStationLib.support.words import words


class Heard(list[str]):
    """What a reader would be told: the words of each warning."""

    def append(self, warning: Reason) -> None:  # type: ignore[override]
        super().append(words(warning))
