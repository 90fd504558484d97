"""Words for what is implausible."""

from __future__ import annotations

from LNStationLib.support.words import Facts, words_for


@words_for("implausible")
def _implausible(facts: Facts) -> str:
    return f"left out as implausible: {facts['doubt'].reason}"


@words_for("doubtful")
def _doubtful(facts: Facts) -> str:
    return f"doubtful: {facts['doubt'].reason}"
