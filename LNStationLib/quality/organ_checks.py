"""Check organs against the rules: impossible ones are dropped, unusual ones are marked as doubtful."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from LNStationLib.quality.doubts import Doubt, judge
from LNStationLib.quality.extents import Extent, View
from LNStationLib.quality.rules import OrganRule, Plausibility, RelationRule, plausibility
from LNStationLib.state.organ_set import OrganSet, OrganSource
from LNStationLib.support.reason import Reason
from LNStationLib.support.types import BoolArray

_NOT_THE_USERS = (OrganSource.NETWORK, OrganSource.IMAGE, OrganSource.SURROGATE)
"""Only these may be dropped: a mask that was supplied, and what was cut out of it, is the user's."""
_DOUBTFUL = "doubtful_organ"


def check_organs(
    organs: OrganSet, in_view: BoolArray, rules: Plausibility | None = None
) -> tuple[OrganSet, tuple[Doubt, ...]]:
    """Check organs and landmarks against the rules of the quality check.

    Args:
        organs: As found; stays as it is.
        in_view: Voxels of its grid that the CT covers ``[z, y, x]``; what their edge cuts is not tested against
            lower bounds of its size.
        rules: Those of ``Resources/Quality`` where ``None``.

    Returns:
        The organs without those that cannot be, with a warning for each and for each that is doubtful; and what was
        found, as data.
    """
    checked = _Checked(organs, View(organs.grid, in_view))
    rules = rules or plausibility()
    for rule in rules.organs:
        for name in rule.names:
            checked.take(checked.size(rule, name), rules)
    for relation in rules.relations:
        checked.take(checked.relation(relation), rules)
    return checked.organs, tuple(checked.doubts)


class _Checked:
    """The organs that are left, and what was found so far."""

    def __init__(self, organs: OrganSet, view: View) -> None:
        self.organs = OrganSet(organs.grid, dict(organs.organs), dict(organs.landmarks), list(organs.warnings))
        self.doubts: list[Doubt] = []
        self._view = view
        self._extents: dict[str, Extent] = {}

    def size(self, rule: OrganRule, name: str) -> Doubt | None:
        """What a rule of one organ's size says; ``None`` where the organ is missing or as usual."""
        extent = self._extent(name)
        if extent is None:
            return None
        if rule.measure == "volume_ml":
            return judge(rule, extent.volume_ml, (name,), rule.measure, upper_only=extent.cut)
        cut = extent.cut_above or extent.cut_below
        return judge(rule, extent.height_mm, (name,), rule.measure, upper_only=cut)

    def relation(self, rule: RelationRule) -> Doubt | None:
        """What a rule of two says; ``None`` where one of them is missing, or all is as usual.

        A top that is cut lies higher and a bottom that is cut lower: the first lies at least so far above the second.
        """
        along_body = rule.measure == "above_mm"
        first, second = self._place(rule.first, along_body), self._place(rule.second, along_body)
        suspects = tuple(name for name in rule.suspects if name in self.organs or name in self.organs.landmarks)
        if first is None or second is None or not suspects:
            return None
        terms = (rule.first, rule.second)
        cut = self._is_cut(rule.first) or self._is_cut(rule.second)
        return judge(rule, first - second, suspects, rule.measure, upper_only=cut, terms=terms)

    def take(self, doubt: Doubt | None, rules: Plausibility) -> None:
        """Act on what was found: drop what may be dropped, warn of the rest."""
        if doubt is None:
            return
        self.doubts.append(doubt)
        dropped = [name for name in doubt.names if doubt.severity == "leave_out" and self._may_be_dropped(name)]
        kept = [name for name in doubt.names if name not in dropped]
        for name in dropped:
            self._drop(name, rules)
        for name in kept:
            self._mark(name)
        for warning in _warnings(doubt, dropped, kept):
            self.organs.add_warning(warning)

    def _extent(self, name: str) -> Extent | None:
        mask = self.organs.mask(name)
        if mask is None:
            return None
        if name not in self._extents:
            self._extents[name] = Extent(mask, self._view)
        return self._extents[name]

    def _place(self, term: str, along_body: bool) -> float | None:
        """LPS z (or x) in mm of a landmark or of a part of an organ; ``None`` where it is missing."""
        part, colon, name = term.partition(":")
        if not colon:
            return self._landmark(term, along_body)
        extent = self._extent(name)
        if extent is None:
            return None
        if part == "middle":
            return extent.middle_mm[1 if along_body else 0]
        return extent.top_mm if part == "top" else extent.bottom_mm

    def _is_cut(self, term: str) -> bool:
        """Whether the view cuts the organ whose end a term names."""
        part, _, name = term.partition(":")
        extent = self._extent(name) if part in ("top", "bottom") else None
        return extent is not None and extent.cut

    def _landmark(self, name: str, along_body: bool) -> float | None:
        landmark = self.organs.landmarks.get(name)
        # One in the view's first or last slice marks where the view ends, not where the structure does.
        if landmark is None or self._view.is_edge(self.organs.grid.index(landmark.point_mm)[0]):
            return None
        return landmark.point_mm[2 if along_body else 0]

    def _may_be_dropped(self, name: str) -> bool:
        found = self.organs.organs.get(name) or self.organs.landmarks.get(name)
        return found is not None and found.source in _NOT_THE_USERS

    def _mark(self, name: str) -> None:
        """Mark how an organ was found as doubtful."""
        organ = self.organs.organs.get(name)
        if organ is not None and organ.how.code != _DOUBTFUL:
            self.organs.add(replace(organ, how=Reason(_DOUBTFUL, {"how": organ.how})))

    def _drop(self, name: str, rules: Plausibility) -> None:
        for gone in _with_parts(name, rules):
            if self._may_be_dropped(gone):
                self.organs.organs.pop(gone, None)
                self.organs.landmarks.pop(gone, None)


def _with_parts(name: str, rules: Plausibility) -> Iterator[str]:
    yield name
    for part in rules.belongs_to.get(name, []):
        yield from _with_parts(part, rules)


def _warnings(doubt: Doubt, dropped: list[str], kept: list[str]) -> Iterator[Reason]:
    if dropped:
        yield Reason("organs_left_out", doubt.facts | {"names": dropped})
    if kept:
        code = "supplied_organs_implausible" if doubt.severity == "leave_out" else "organs_doubtful"
        yield Reason(code, doubt.facts | {"names": kept})
