"""The settings of a step as its provenance keeps them, and read back from there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from LNStationLib.case.case import Case
from LNStationLib.state.method import Method, MethodOptions
from LNStationLib.state.organ_set import OrganSet
from LNStationLib.state.registry import AUTOMATIC
from LNStationLib.state.settings import StepSettings
from LNStationLib.support.reason import Reason

METHOD, CHOSEN, NOT_CALLED = "method", "chosen", "not_called"
SEGMENTED, EDITED_BY_READER = "segmented", "edited_by_reader"


def settings_record(step: StepSettings, method: Method, options: MethodOptions) -> dict[str, Any]:
    """The method that ran, what the user had chosen (its name, or ``auto``), and the options."""
    return {METHOD: method.name, CHOSEN: step.method or AUTOMATIC, **options.model_dump(mode="json")}


def step_settings(record: Mapping[str, Any], options: type[MethodOptions]) -> StepSettings:
    """Settings that would do a step again.

    Args:
        record: Of :func:`settings_record`, perhaps with more.
        options: Of its method.
    """
    kept = {key: value for key, value in record.items() if key in options.model_fields}
    method = str(record[METHOD])
    return StepSettings(method=None if record[CHOSEN] == AUTOMATIC else method, options={method: kept})


def organ_record(case: Case, organs: OrganSet) -> dict[str, Any]:
    """Which organs a network gave and which a reader changed, for the provenance of the step; empty where neither."""
    segmented = [] if organs.segmented is None else [organ.name for organ in organs.segmented]
    names = {SEGMENTED: segmented, EDITED_BY_READER: list(case.organ_edits)}
    return {key: value for key, value in names.items() if value}


def not_called_record(reason: Reason | None) -> dict[str, Any]:
    """Why nodes are not called, for the provenance of the search; empty where they are."""
    return {} if reason is None else {NOT_CALLED: {"code": reason.code, "facts": dict(reason.facts)}}


def not_called_reason(record: Mapping[str, Any]) -> Reason | None:
    """The reason of :func:`not_called_record`; a sentence of schema 1.0 is taken as it was written."""
    kept = record.get(NOT_CALLED)
    if kept is None or isinstance(kept, str):
        return None if kept is None else Reason("as_written", {"words": kept})
    if not isinstance(kept, Mapping) or not isinstance(kept.get("facts"), Mapping):
        return None
    return Reason(str(kept.get("code")), kept["facts"])
