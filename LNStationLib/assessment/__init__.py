"""Assess, re-assess, restore and review a case."""

import LNStationLib.assessment.words  # noqa: F401
