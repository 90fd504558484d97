"""Words for what is odd about a case that can be worked with all the same."""

from __future__ import annotations

from LNStationLib.imaging.tracer import tracer_title
from LNStationLib.support.language import say
from LNStationLib.support.words import Facts, texts, words_for

texts(
    {
        "declared_units_not_used": "{image}: the declared units were not used, the DICOM headers say them.",
        "frames_of_reference_differ": (
            "{image}: CT and PET have different DICOM frames of reference, so they may not be aligned; check the "
            "overlay."
        ),
        "tracer_not_said": (
            "{image}: its headers do not name the tracer; taken as FDG, for which all thresholds and networks are."
        ),
        "segment_empty": "{image}: segment {value} is empty; taken as missing.",
        "node_masks_overlap": (
            "nodes: {n_voxels} voxels belong to several node masks; each was counted for the first."
        ),
        "mask_outside_ct": "{what}: all marked voxels lie outside the CT; taken as missing.",
        "mask_partly_outside_ct": (
            "{what}: {percent:.0f} % of the marked voxels lie outside the CT and are not assessed."
        ),
        "no_usable_organ": "organs: no usable organ was found among the given masks.",
        "label_empty": "{image}: '{label}' (value {value}) is empty; taken as missing.",
        "organ_right_of_its_twin": (
            "organs: {organ} lies to the right of its twin; check whether the masks are mirrored or their names "
            "swapped."
        ),
    }
)


@words_for("other_tracer")
def _other_tracer(facts: Facts) -> str:
    return say(
        "{image}: its tracer is {tracer}, and not FDG: SUV thresholds are those of FDG and do not hold, and networks "
        "trained on FDG do not judge it.",
        image=facts["image"],
        tracer=tracer_title(facts["tracer"]),
    )


@words_for("values_without_name")
def _values_without_name(facts: Facts) -> str:
    return say(
        "{image}: values without a name were left out: {values}.",
        image=facts["image"],
        values=", ".join(map(str, facts["values"])),
    )


@words_for("organs_in_one_mask")
def _organs_in_one_mask(facts: Facts) -> str:
    return say(
        "organs: '{name}' holds {organs} in one mask and was left out; give them apart.",
        name=facts["name"],
        organs=", ".join(facts["organs"]),
    )


@words_for("unknown_organ_names")
def _unknown_organ_names(facts: Facts) -> str:
    return say("organs: unknown names were left out: {names}.", names=", ".join(facts["names"]))
