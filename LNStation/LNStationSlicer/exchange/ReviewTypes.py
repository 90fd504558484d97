"""The reader's side of a case as it travels in JSON (docs/worker.md, "The review file")."""

from __future__ import annotations

from typing import TypedDict

from LNStationSlicer.exchange.AssessmentTypes import Call, NStaging


class ReaderCall(TypedDict):
    """What the reader says of one station; ``call`` is None where there is only a note."""

    call: Call | None
    note: str
    when: str


class Edit(TypedDict):
    """One correction of a station or an organ: by whom, when (ISO 8601, UTC), and its volume before and after."""

    who: str
    when: str
    station: str | None
    organ: str | None
    volume_before_ml: float
    volume_after_ml: float


class Review(TypedDict):
    """The reader's side of a case, as the report takes it."""

    schema_version: str
    reader: str
    blind: bool
    calls: dict[str, ReaderCall]
    edits: list[Edit]
    n_category: NStaging | None
