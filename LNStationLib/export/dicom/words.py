"""Words for what is odd about a study of an archive."""

from __future__ import annotations

from LNStationLib.support.words import texts

texts(
    {
        "several_pet_series": (
            "the study has {n_series} PET series, and none was taken; give one from a folder with --pet."
        ),
    }
)
