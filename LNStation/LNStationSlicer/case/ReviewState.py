"""The reader's side of a case: calls, notes, the blind first read, stale marks and the log of edits.

Kept as JSON in one ``vtkMRMLTextNode``, so that it is saved with the scene. Model results are never written here.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

import slicer

from LNStationLib import anatomy
from LNStationSlicer.case.ContourMarks import NODE_FIELDS, ORGAN_FIELDS, STATION_FIELDS, ContourMarks, NodeMarks
from LNStationSlicer.case.SceneTexts import REVIEW
from LNStationSlicer.exchange.AssessmentTypes import Call, NStaging
from LNStationSlicer.exchange.ReviewTypes import Edit, NodeEditDone, ReaderCall

SCHEMA_VERSION = "1.2"

_REVIEW_FIELDS = ("schema_version", "reader", "blind", "calls", "edits", "n_category", "signed")
_UNDER_SIGNATURE = ("reader", "calls", "edits", "n_category")
"""Fields that are signed: a change of one takes the signature away."""
_CALLS = ("positive", "negative", None)


def utcNow() -> str:
    """The time now, ISO 8601 in UTC to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def emptyReview() -> dict[str, Any]:
    """A review without any call.

    Beyond the fields that the report takes: ``revealed`` (when the blind first read ended, or None), ``first_read``
    (the calls as they were then), ``stale`` (stations edited since they were last assessed), ``assessed`` (station
    to the fingerprint that was last assessed) and ``open_edits`` (station to the index of its log entry that
    further strokes extend, until the station is assessed again); and the same of organs.
    """
    return {
        "schema_version": SCHEMA_VERSION,
        "reader": "",
        "blind": False,
        "calls": {},
        "edits": [],
        "n_category": None,
        "signed": None,
        "revealed": None,
        "first_read": None,
        "stale": [],
        "assessed": {},
        "open_edits": {},
        "stale_organs": [],
        "assessed_organs": {},
        "open_organ_edits": {},
        "stale_nodes": [],
        "assessed_nodes": {},
        "open_node_edits": {},
    }


class ReviewState:
    """The review in a text node; a thin handle, several may look at one node.

    Args:
        textNode: ``vtkMRMLTextNode``; an empty one is a new review. It fires ModifiedEvent at every change.
        clock: Gives the time as ISO 8601.

    Attributes:
        stations: Marks of edits of stations.
        organs: Marks of edits of organs.
        nodes: Marks of drawn nodes.
    """

    def __init__(self, textNode: slicer.vtkMRMLTextNode, clock: Callable[[], str] = utcNow):
        self.node = textNode
        self._clock = clock
        self._text: str | None = None
        self._data: dict[str, Any] = emptyReview()
        stations, organs = ([row.name for row in rows] for rows in (anatomy.stations(), anatomy.organs()))
        self.stations = ContourMarks(STATION_FIELDS, stations, self._read, self._change, clock)
        self.organs = ContourMarks(ORGAN_FIELDS, organs, self._read, self._change, clock)
        self.nodes = NodeMarks(NODE_FIELDS, (), self._read, self._change, clock)

    @property
    def reader(self) -> str:
        """Who reads; goes into the edit log and the report."""
        return str(self._read()["reader"])

    @reader.setter
    def reader(self, name: str) -> None:
        self._change(reader=name)

    @property
    def blind(self) -> bool:
        """True for a blind first read: model output is hidden until every shown station is called."""
        return bool(self._read()["blind"])

    @blind.setter
    def blind(self, blind: bool) -> None:
        self._change(blind=bool(blind))

    def call(self, station: str) -> Call | None:
        """The reader's call of a station; None where there is none."""
        entry = self._read()["calls"].get(station)
        return entry["call"] if entry else None

    def setCall(self, station: str, call: Call | None) -> None:
        """Set or take back the reader's call.

        Raises:
            ValueError: The call is none of "positive", "negative" and None.
            KeyError: There is no such station.
        """
        if call not in _CALLS:
            raise ValueError(f"a call is 'positive', 'negative' or None, not {call!r}")
        self._changeCall(station, call=call)

    def note(self, station: str) -> str:
        """The reader's note on a station; empty where there is none."""
        entry = self._read()["calls"].get(station)
        return entry["note"] if entry else ""

    def setNote(self, station: str, text: str) -> None:
        """Set the reader's note on a station; an empty one takes it away."""
        self._changeCall(station, note=text)

    def calls(self) -> dict[str, Call]:
        """Stations that the reader called, in table order."""
        entries = self._read()["calls"]
        return {row.name: entries[row.name]["call"] for row in anatomy.stations() if self.call(row.name)}

    def nCategory(self) -> NStaging | None:
        """The N category that follows from the reader's calls, as last staged; None after a call changed."""
        return self._read()["n_category"]

    def setNCategory(self, staging: NStaging | None) -> None:
        """Keep the staging of the reader's calls."""
        self._change(n_category=staging)

    # Blind first read

    def uncalled(self, shownStations: Iterable[str]) -> list[str]:
        """Those of the shown stations that the reader has not called yet."""
        return [station for station in shownStations if self.call(station) is None]

    def modelHidden(self, shownStations: Iterable[str]) -> bool:
        """True while model output must not be seen.

        Once every shown station is called, the read counts as done and stays so: showing more stations or taking
        back a call later hides nothing again. No stations shown hides too, for then nothing was read.
        """
        data = self._read()
        if not data["blind"] or data["revealed"]:
            return False
        shown = list(shownStations)
        if not shown or self.uncalled(shown):
            return True
        self.reveal()
        return False

    def reveal(self) -> None:
        """End the blind first read, finished or not; the calls as they are now are kept as the first read."""
        data = self._read()
        if data["blind"] and not data["revealed"]:
            self._change(revealed=self._clock(), first_read=dict(data["calls"]))

    # Stale marks and edits

    def stale(self) -> list[str]:
        """Stations whose results are out of date, in table order."""
        return self.stations.stale()

    def isStale(self, station: str) -> bool:
        """True where the station was edited since it was last assessed."""
        return station in self._read()["stale"]

    def markStale(self, stations: Iterable[str]) -> None:
        """Mark stations as edited since they were last assessed."""
        self.stations.markStale(stations)

    def markFresh(self, stations: Iterable[str] | None = None) -> None:
        """Take stale marks away, of all stations by default, and close their entries in the edit log."""
        self.stations.markFresh(stations)

    def logEdit(self, station: str, volumeBeforeMl: float, volumeAfterMl: float) -> None:
        """Note that the reader changed a station."""
        self.stations.logEdit(station, volumeBeforeMl, volumeAfterMl)

    def logNodeEdits(self, done: Iterable[NodeEditDone]) -> None:
        """Note what the reader did with nodes."""
        data = self._read()
        entries = [
            Edit(
                who=data["reader"],
                when=self._clock(),
                station=one["station"],
                organ=None,
                action=one["action"],
                nodes=one["before"],
                nodes_after=one["after"],
                volume_before_ml=_rounded(one["volume_before_ml"]),
                volume_after_ml=_rounded(one["volume_after_ml"]),
            )
            for one in done
        ]
        self._change(edits=[*data["edits"], *entries])

    def edits(self) -> list[Edit]:
        """The log of edits, of stations, organs and nodes, oldest first."""
        return list(self._read()["edits"])

    def editedStations(self) -> list[str]:
        """Stations that were ever edited, in table order."""
        return self.stations.edited()

    # The signature

    def signed(self) -> str | None:
        """When the reader signed the review as it stands; None for a draft."""
        return self._read()["signed"]

    def sign(self) -> None:
        """Sign it; whatever is changed later takes the signature away."""
        self._change(signed=self._clock())

    # The whole

    def asReview(self) -> dict[str, Any]:
        """Exactly what the report takes."""
        return {field: self._read()[field] for field in _REVIEW_FIELDS} | {"schema_version": SCHEMA_VERSION}

    def asDict(self) -> dict[str, Any]:
        """Everything that the node holds, as a copy."""
        return json.loads(json.dumps(self._read()))

    def _changeCall(self, station: str, **changes: Any) -> None:
        name = anatomy.station(station).name
        data = self._read()
        old = data["calls"].get(name, ReaderCall(call=None, note="", when=""))
        entry = {**old, **changes}
        if entry == old:
            return
        entry["when"] = self._clock()
        calls = {**data["calls"], name: entry}
        if entry["call"] is None and not entry["note"]:
            del calls[name]
        callChanged = entry["call"] != old["call"]
        self._change(calls=calls, **({"n_category": None} if callChanged else {}))

    def _read(self) -> dict[str, Any]:
        """The node's data, parsed again only where its text changed (the scene was loaded, another handle wrote)."""
        text = self.node.GetText() or ""
        if text != self._text:
            self._data = {**emptyReview(), **(REVIEW.read(self.node) or {})}
            self._text = self.node.GetText() or ""
        return self._data

    def _change(self, **changes: Any) -> None:
        data = self._read()
        if all(data[field] == value for field, value in changes.items()):
            return
        if any(data[field] != changes[field] for field in _UNDER_SIGNATURE if field in changes):
            changes["signed"] = None
        REVIEW.write(self.node, {**data, **changes}, indent=1)


def _rounded(volumeMl: float | None) -> float | None:
    return None if volumeMl is None else round(volumeMl, 4)
