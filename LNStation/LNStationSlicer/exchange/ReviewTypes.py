"""The reader's side of a case as it travels in JSON (docs/worker.md, "The review file")."""

from __future__ import annotations

from typing import Literal, TypedDict

from LNStationSlicer.exchange.AssessmentTypes import Call, NStaging

NodeAction = Literal["draw", "grow", "dismiss", "restore", "split", "merge"]


class ReaderCall(TypedDict):
    """What the reader says of one station; ``call`` is None where there is only a note."""

    call: Call | None
    note: str
    when: str


class NodeEditDone(TypedDict):
    """What an edit of nodes did, as the worker answers it; volumes are None where there was no node."""

    action: NodeAction
    before: list[int]
    after: list[int]
    station: str | None
    volume_before_ml: float | None
    volume_after_ml: float | None


class Edit(TypedDict):
    """One correction of a station, an organ or nodes: by whom, when (ISO 8601, UTC), and its volume before and after.

    ``action`` is None but for nodes, whose numbers before and after it are given.
    """

    who: str
    when: str
    station: str | None
    organ: str | None
    action: NodeAction | None
    nodes: list[int]
    nodes_after: list[int]
    volume_before_ml: float | None
    volume_after_ml: float | None


class Review(TypedDict):
    """The reader's side of a case, as the report takes it."""

    schema_version: str
    reader: str
    blind: bool
    calls: dict[str, ReaderCall]
    edits: list[Edit]
    n_category: NStaging | None
    signed: str | None
