"""What every staging function answers."""

from __future__ import annotations

from dataclasses import dataclass

from LNStationLib.support.reason import Reason
from LNStationLib.support.words import words


@dataclass(frozen=True)
class NCategoryAnswer:
    """An N category and why.

    Attributes:
        category: ``"N0"`` to ``"N3"``; with TNM 9 rules ``"N2a"`` or ``"N2b"`` in place of ``"N2"``.
        rules: Title of the rules with their edition.
        deciding_stations: Positive stations that lie in the deciding group, in table order; empty for N0, and
            empty where a number of nodes decides.
        why: What decides, as a code with facts.
        is_lower_bound: True where only "at least this category" follows.
        warnings: For the reader, as codes with facts.
    """

    category: str
    rules: str
    deciding_stations: tuple[str, ...]
    why: Reason
    is_lower_bound: bool = False
    warnings: tuple[Reason, ...] = ()

    @property
    def explanation(self) -> str:
        """One plain sentence."""
        return words(self.why)
