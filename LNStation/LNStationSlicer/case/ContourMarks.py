"""What a review keeps of edits of stations, or of organs: stale marks, the log, what was last assessed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from LNStationSlicer.exchange.ReviewTypes import Edit

Kind = Literal["station", "organ", "node"]


@dataclass(frozen=True)
class MarkFields:
    """Where a review keeps the marks of one kind of structure.

    Attributes:
        kind: Field of a log entry that names the structure.
        stale: Those edited since they were last assessed.
        assessed: Name to the fingerprint that was last assessed.
        openEdits: Name to the index of its log entry that further strokes extend.
    """

    kind: Kind
    stale: str
    assessed: str
    openEdits: str


STATION_FIELDS = MarkFields("station", "stale", "assessed", "open_edits")
NODE_FIELDS = MarkFields("node", "stale_nodes", "assessed_nodes", "open_node_edits")
ORGAN_FIELDS = MarkFields("organ", "stale_organs", "assessed_organs", "open_organ_edits")


class ContourMarks:
    """The marks of one kind of structure.

    Args:
        fields: Where they are kept.
        names: Of all structures, in table order.
        read: Gives the review's data.
        change: Changes fields of the review.
        clock: Gives the time as ISO 8601.
    """

    def __init__(
        self,
        fields: MarkFields,
        names: Sequence[str],
        read: Callable[[], dict[str, Any]],
        change: Callable[..., None],
        clock: Callable[[], str],
    ) -> None:
        self._fields = fields
        self._names = names
        self._read = read
        self._change = change
        self._clock = clock

    def stale(self) -> list[str]:
        """Structures that were edited since they were last assessed, in table order."""
        marked = set(self._read()[self._fields.stale])
        return [name for name in self._names if name in marked]

    def markStale(self, names: Iterable[str]) -> None:
        """Mark structures as edited since they were last assessed.

        Raises:
            KeyError: There is no such structure.
        """
        marked = {*self._read()[self._fields.stale], *map(self._known, names)}
        self._change(**{self._fields.stale: sorted(marked)})

    def markFresh(self, names: Iterable[str] | None = None) -> None:
        """Take stale marks away, of all by default, and close their entries in the edit log."""
        stale, openEdits = (self._read()[field] for field in (self._fields.stale, self._fields.openEdits))
        fresh = set(stale) | set(openEdits) if names is None else set(names)
        self._change(
            **{
                self._fields.stale: [name for name in stale if name not in fresh],
                self._fields.openEdits: {name: index for name, index in openEdits.items() if name not in fresh},
            }
        )

    def logEdit(self, name: str, volumeBeforeMl: float, volumeAfterMl: float) -> None:
        """Note that the reader changed a structure.

        Strokes of one reader between two assessments are one entry: the volume before the first and after the last.
        """
        data = self._read()
        edits, openEdits = list(data["edits"]), dict(data[self._fields.openEdits])
        index = openEdits.get(name)
        if index is not None and self._extends(edits[index : index + 1], name, data["reader"]):
            volumeBeforeMl = edits[index]["volume_before_ml"]
        else:
            index = openEdits[name] = len(edits)
            edits.append({})
        named: dict[str, str | None] = {"station": None, "organ": None, self._fields.kind: self._known(name)}
        edits[index] = Edit(
            who=data["reader"],
            when=self._clock(),
            station=named["station"],
            organ=named["organ"],
            action=None,
            nodes=[],
            nodes_after=[],
            volume_before_ml=round(volumeBeforeMl, 4),
            volume_after_ml=round(volumeAfterMl, 4),
        )
        self._change(**{"edits": edits, self._fields.openEdits: openEdits})

    def _extends(self, entry: Sequence[Mapping[str, Any]], name: str, reader: str) -> bool:
        """Whether strokes go on with a log entry: it is there, and this reader's of this structure."""
        return any(
            one["who"] == reader and one.get(self._fields.kind) == name and one["volume_before_ml"] is not None
            for one in entry
        )

    def edited(self) -> list[str]:
        """Structures that were ever edited, in table order."""
        # Edits of nodes name the station that they lie in, too.
        outlines = (edit for edit in self._read()["edits"] if edit.get("action") is None)
        found = {edit.get(self._fields.kind) for edit in outlines}
        return [name for name in self._names if name in found]

    def assessed(self) -> dict[str, str]:
        """Name to the fingerprint of its voxels when it was last assessed."""
        return dict(self._read()[self._fields.assessed])

    def setAssessed(self, fingerprints: Mapping[str, str]) -> None:
        """Remember what was last assessed of these; others keep theirs."""
        self._change(**{self._fields.assessed: {**self._read()[self._fields.assessed], **fingerprints}})

    def replaced(self) -> None:
        """All were rewritten: nothing is stale, and what was assessed is for them to say."""
        self._change(**{self._fields.stale: [], self._fields.openEdits: {}, self._fields.assessed: {}})

    def _known(self, name: str) -> str:
        if name not in self._names:
            raise KeyError(f"there is no {self._fields.kind} '{name}'")
        return name


class NodeMarks(ContourMarks):
    """The marks of nodes, which come and go: names are those of their segments.

    What an edit of nodes did is logged when the worker answers it, since numbers come from there.
    """

    def stale(self) -> list[str]:
        """Nodes that were edited since they were last assessed."""
        return sorted(self._read()[self._fields.stale])

    def edited(self) -> list[str]:
        """Not kept here: see the log."""
        return []

    def logEdit(self, name: str, volumeBeforeMl: float, volumeAfterMl: float) -> None:
        """Nothing yet."""

    def replaced(self, fingerprints: Mapping[str, str] | None = None) -> None:
        """All were rewritten; former ones are forgotten."""
        self._change(
            **{self._fields.stale: [], self._fields.openEdits: {}, self._fields.assessed: dict(fingerprints or {})}
        )

    def _known(self, name: str) -> str:
        return name
