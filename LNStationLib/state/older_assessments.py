"""Assessments of schema version 1.0, read as of today's."""

from __future__ import annotations

from typing import Any

_UNFIT_FOR_STAGING = frozenset({"ct_blobs"})
"""Methods of the time of 1.0 whose nodes were not fit for staging, which its first files did not say."""


def assessment_from_1_0(data: dict[str, Any]) -> dict[str, Any]:
    """An assessment of 1.0 in the form of 1.1, which added the warnings of calls."""
    return {**data, "schema_version": "1.1"}


def node_from_1_0(data: dict[str, Any]) -> dict[str, Any]:
    """A node that does not say whether it is fit for staging."""
    return {**data, "fit_for_staging": data.get("source") not in _UNFIT_FOR_STAGING}
