"""Words for what became of atlases."""

from __future__ import annotations

from LNStationLib.support.words import Facts, against, texts, words, words_for

texts(
    {
        "atlases_draw_none": "the atlases draw none in this patient",
        "few_organs_in_common": "it has only {n_organs} organs in common with the patient",
        "registration_failed": "the registration failed ({error})",
        "little_overlap": (
            "its organs overlap with the patient's by a Dice coefficient of {dice:.2f} (at least {least:.2f})"
        ),
        "no_atlas_registered": (
            "No atlas could be registered, so the stations are those of another method: {other}."
        ),
    }
)


@words_for("atlas_left_out")
def _atlas_left_out(facts: Facts) -> str:
    return f"The atlas {facts['atlas']} was left out: {words(facts['problem'])}."


@words_for("synthetic_atlases")
def _synthetic_atlases(facts: Facts) -> str:
    names = facts["atlases"]
    return (
        f"{len(names)} of {facts['n_atlases']} atlases were made of synthetic patients ({', '.join(names)}): check "
        "every station that they draw."
    )


@words_for("atlases_disagree")
def _atlases_disagree(facts: Facts) -> str:
    compared = against(facts["share"], "<", facts["limit"], fewest_decimals=2)
    return f"the atlases disagree about it (mean part of the votes {compared})"
