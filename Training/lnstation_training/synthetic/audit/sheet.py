"""One figure of an audit beside the published one, and the sheet they are gathered on."""

from __future__ import annotations

import math
from dataclasses import dataclass

from lnstation_training.synthetic.audit.statistics import wilson
from LNStationLib.case.case import Cancer
from LNStationLib.phantom.preset import Preset


@dataclass(frozen=True)
class Figure:
    """One figure of a cohort.

    Attributes:
        section: Heading it stands under.
        name: What it is.
        value: In this cohort, in words.
        published: The published figure in words, or ``None``.
        source: Where that stands, or ``None``.
        verdict: ``"agrees"``, ``"deviates"``, ``"other cohort"`` where the published figure is of another cancer, or
            ``""`` where there is nothing to compare with.
        reason: Why it deviates or cannot be compared, or why the published figure reads as it does.
    """

    section: str
    name: str
    value: str
    published: str | None = None
    source: str | None = None
    verdict: str = ""
    reason: str = ""


@dataclass(frozen=True)
class PublishedFigure:
    """A published figure with the range that counts as agreement."""

    words: str
    low: float
    high: float
    source: str
    cancer: Cancer


def published_share(part: int, whole: int, source: str, cancer: Cancer) -> PublishedFigure:
    """A published part of a whole, with its 95 % confidence interval as range."""
    low, high = wilson(part, whole)
    return PublishedFigure(f"{part} of {whole} ({100 * part / whole:.1f} %)", low, high, source, cancer)


class Sheet:
    """Figures being gathered for one cohort."""

    def __init__(self, preset: Preset) -> None:
        self.preset = preset
        self.figures: list[Figure] = []

    def add(
        self,
        section: str,
        name: str,
        words: str,
        published: PublishedFigure | None = None,
        interval: tuple[float, float] = (math.nan, math.nan),
    ) -> None:
        """Add a figure; it agrees where its confidence interval meets the published range."""
        verdict = ""
        if published is not None:
            meets = interval[0] <= published.high and interval[1] >= published.low
            verdict = "agrees" if meets else "deviates"
            if published.cancer != self.preset.cancer or math.isnan(interval[0]):
                verdict = "other cohort" if published.cancer != self.preset.cancer else ""
        self.figures.append(
            Figure(
                section,
                name,
                words,
                published.words if published else None,
                published.source if published else None,
                verdict,
                self.preset.audit_notes.get(name, ""),
            )
        )

    def share(self, section: str, name: str, part: int, whole: int, published: PublishedFigure | None = None) -> None:
        """Add a part of a whole; nothing where there is no whole."""
        if whole == 0:
            self.add(section, name, "none in this cohort", published)
            return
        low, high = wilson(part, whole)
        words = f"{part} of {whole} ({100 * part / whole:.1f} %; 95 % CI {100 * low:.1f} to {100 * high:.1f})"
        self.add(section, name, words, published, (low, high))
