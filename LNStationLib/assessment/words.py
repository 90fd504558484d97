"""Words for what an assessment as a whole says of outlines and dismissed nodes."""

from __future__ import annotations

from LNStationLib.support.words import texts

texts(
    {
        "reader_called_nothing": "The reader has not called any station.",
        "contour_edited": "A reader changed the contour; the rule-based borders no longer describe it.",
        "contour_emptied": "Emptied by a reader: no voxels are left to assess.",
        "edited_outline_in_air": (
            "{share:.0%} of the edited outline is air or lung (below {below_hu} HU): check it."
        ),
        "node_dismissed": "Dismissed by a reader: not counted.",
        "border_on_surrogate": "{border} border rests on a surrogate: {rests_on}",
    }
)
