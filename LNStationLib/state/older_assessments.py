"""Assessments of schema versions 1.0 and 1.1, read as of today's."""

from __future__ import annotations

from typing import Any

_UNFIT_FOR_STAGING = frozenset({"ct_blobs"})
"""Methods of the time of 1.0 whose nodes were not fit for staging, which its first files did not say."""


OLDER_VERSIONS = ("1.0", "1.1")


def assessment_of_before(data: dict[str, Any]) -> dict[str, Any]:
    """An older assessment in today's form: 1.1 added the warnings of calls, 1.2 the codes of warnings."""
    return {**data, "schema_version": "1.2"}


def node_from_1_0(data: dict[str, Any]) -> dict[str, Any]:
    """A node that does not say whether it is fit for staging."""
    return {**data, "fit_for_staging": data.get("source") not in _UNFIT_FOR_STAGING}
