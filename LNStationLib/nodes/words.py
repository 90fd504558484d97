"""Words for the reasons and warnings of searches for nodes."""

from __future__ import annotations

from LNStationLib.support.sentences import listed
from LNStationLib.support.words import Facts, words_for


@words_for("candidates_may_be_vessels")
def _may_be_vessels(facts: Facts) -> str:
    return f"a candidate may be a vessel, for neither contrast nor a mask shows the {listed(facts['not_seen'])}"
