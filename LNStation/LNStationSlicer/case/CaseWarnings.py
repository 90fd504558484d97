"""The warnings of a case as the panel shows them: all of them, in the words of the assessment. No Qt."""

from __future__ import annotations

from LNStationSlicer.exchange.AssessmentTypes import Assessment

_BEFORE_THE_NODES = ("input", "organs", "stations")
"""Steps whose warnings give away nothing of what the model calls."""


def caseWarnings(assessment: Assessment | None, modelHidden: bool = False) -> list[str]:
    """Warnings that concern the whole case, each once; those of a station stand with it.

    Args:
        assessment: The last one; None where there is none yet.
        modelHidden: A blind first read: only what is said of the input, the organs and the outlines of stations.
    """
    if assessment is None:
        return []
    if modelHidden:
        steps = [step for step in assessment["provenance"] if step["step"] in _BEFORE_THE_NODES]
        found = [warning for step in steps for warning in step["warnings"]]
    else:
        found = [*assessment["warnings"], *assessment["staging"]["warnings"]]
    return list(dict.fromkeys(found))
