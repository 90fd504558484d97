"""Words for the doubts of atlases."""

from __future__ import annotations

from LNStationLib.support.words import Facts, against, texts, words_for

texts(
    {
        "atlases_draw_none": "the atlases draw none in this patient",
    }
)


@words_for("atlases_disagree")
def _atlases_disagree(facts: Facts) -> str:
    compared = against(facts["share"], "<", facts["limit"], fewest_decimals=2)
    return f"the atlases disagree about it (mean part of the votes {compared})"
