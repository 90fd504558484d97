"""A reader's review of a case: calls and notes beside the model's, edits, and the N category from the calls.

The model never overwrites it. Schema version 1.2; written as ``review.json`` with the report. Version 1.0 knew no
edits of organs, 1.1 neither those of nodes nor a signature.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from LNStationLib import anatomy
from LNStationLib.case.case import CaseFacts
from LNStationLib.nodes.edits import Action
from LNStationLib.staging.case_staging import stage_case
from LNStationLib.staging.positive_stations import positive_station_names
from LNStationLib.state.assessment import Assessment, Call, NStaging, SideName
from LNStationLib.state.reason_codes import said
from LNStationLib.state.settings import Settings
from LNStationLib.support.errors import InputError
from LNStationLib.support.reason import Reason

REVIEW_SCHEMA_VERSION = "1.2"
_MAX_NOTE_CHARACTERS = 4000
"""A page of text; keeps files and reports small."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _checked_time(when: str) -> str:
    try:
        datetime.fromisoformat(when)
    except ValueError as error:
        raise ValueError(f"'{when}' is not an ISO 8601 time such as 2026-05-04T09:30:00+00:00") from error
    return when


def _checked_station(name: str) -> str:
    known = [row.name for row in anatomy.stations()]
    if name not in known:
        raise ValueError(f"there is no station '{name}'; use one of {', '.join(known)}")
    return name


class ReaderCall(_Strict):
    """A reader's call on one station."""

    call: Call | None = Field(None, description="None where the reader only left a note.")
    note: str = Field("", max_length=_MAX_NOTE_CHARACTERS)
    when: str = Field(description="ISO 8601 time of the last change.")

    _time = field_validator("when")(_checked_time)


class ContourEdit(_Strict):
    """One edit of the outline of a station, of an organ, or of nodes."""

    who: str
    when: str = Field(description="ISO 8601 time.")
    station: str | None = Field(
        None, description="None for an edit of an organ. For one of nodes, the station that they lie in, if any."
    )
    organ: str | None = Field(None, description="Name of the organ table; None for an edit of a station. New in 1.1.")
    action: Action | None = Field(None, description="What was done with nodes; None for other edits. New in 1.2.")
    nodes: list[int] = Field(default_factory=list, description="Numbers of the nodes before the edit.")
    nodes_after: list[int] = Field(default_factory=list, description="Numbers of those that came of it.")
    volume_before_ml: float | None = Field(None, ge=0, description="None where there was no outline.")
    volume_after_ml: float | None = Field(None, ge=0, description="None where it was emptied.")

    _time = field_validator("when")(_checked_time)

    @field_validator("station")
    @classmethod
    def _known_station(cls, name: str | None) -> str | None:
        return None if name is None else _checked_station(name)

    @field_validator("organ")
    @classmethod
    def _known_organ(cls, name: str | None) -> str | None:
        if name is not None and name not in {row.name for row in anatomy.organs()}:
            raise ValueError(f"there is no organ '{name}' in the organ table")
        return name

    @model_validator(mode="after")
    def _one_structure(self) -> ContourEdit:
        if self.action is not None and self.organ is not None:
            raise ValueError("an edit is of nodes or of an organ")
        if self.action is None and (self.station is None) is (self.organ is None):
            raise ValueError("an edit is of a station or of an organ")
        return self

    @property
    def organ_title(self) -> str | None:
        """The organ for people; ``None`` for an edit of a station."""
        return None if self.organ is None else anatomy.organ(self.organ).title


class Review(_Strict):
    """A reader's review of one case."""

    schema_version: Literal["1.0", "1.1", "1.2"] = "1.2"
    reader: str
    blind: bool = Field(
        description="The reader called every station before the model's output was shown (blind first read)."
    )
    calls: dict[str, ReaderCall] = Field(default_factory=dict, description="By station name.")
    edits: list[ContourEdit] = Field(default_factory=list, description="Oldest first.")
    n_category: NStaging | None = Field(None, description="What follows from the reader's calls.")
    signed: str | None = Field(
        None, description="ISO 8601 time when the reader signed it as it stands; None for a draft. New in 1.2."
    )

    @field_validator("signed")
    @classmethod
    def _time_of_signature(cls, when: str | None) -> str | None:
        return None if when is None else _checked_time(when)

    @field_validator("calls")
    @classmethod
    def _known(cls, calls: dict[str, ReaderCall]) -> dict[str, ReaderCall]:
        for name in calls:
            _checked_station(name)
        return calls


@dataclass(frozen=True)
class _ReaderStation:
    """A station as a reader called it."""

    station: str
    call: Call | None
    positive_sides: tuple[SideName, ...]


def stage_reader_calls(
    facts: CaseFacts,
    calls: Mapping[str, Call],
    settings: Settings,
    sides: Mapping[str, Sequence[SideName]] | None = None,
) -> NStaging:
    """N category that follows from a reader's calls.

    Args:
        facts: Cancer and, for lung, the side of the tumor.
        calls: Station name to call; stations that are not there are not assessed.
        settings: Gives the rule set for lung cancer.
        sides: Sides of the evidence in positive stations that have no side of their own (8, 9, ...), where known.
            Without them the category may only be a lower bound.

    Returns:
        The staging; ``n_positive_nodes`` is ``None`` since a reader calls stations and counts no nodes.

    Raises:
        InputError: There is no such station.
    """
    known = [row.name for row in anatomy.stations()]
    unknown = [name for name in calls if name not in known]
    if unknown:
        raise InputError(f"there is no station '{unknown[0]}': use one of {', '.join(known)}.")
    called = [
        _ReaderStation(name, calls[name], tuple((sides or {}).get(name, ()))) for name in known if name in calls
    ]
    not_assessed = [name for name in known if name not in calls]
    if not called:
        staging = stage_case(facts, [], not_assessed, [], settings)
        return staging.model_copy(update=said("explanation", Reason("reader_called_nothing")))
    staging = stage_case(facts, positive_station_names(called), not_assessed, [], settings)
    return staging.model_copy(update={"n_positive_nodes": None})


def evidence_sides(assessment: Assessment | None) -> dict[str, list[SideName]]:
    """Sides of the evidence in stations without a side of their own, as the model found them.

    A reader who calls such a station positive, as the model did, is taken to mean the same evidence.
    """
    if assessment is None:
        return {}
    return {row.station: row.positive_sides for row in assessment.stations if row.positive_sides}
