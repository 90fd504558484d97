"""Words for why a series was taken or not."""

from __future__ import annotations

from LNStationLib.support.words import Facts, texts, words_for

texts(
    {
        "series_no_image": "no image: {modality} objects such as reports, plans and segmentations are not read",
        "series_capture": "an image of a screen (secondary capture)",
        "series_other_modality": "neither CT nor PET but {modality}",
        "series_localizer": "a localizer",
        "series_color": "colors, not values",
        "series_multiframe": "a multi-frame file that does not say where its frames lie",
        "series_projection": "a projection over several slices",
        "series_few_images": "too few images for a volume",
        "series_not_placed": "its headers do not say where slices lie",
        "series_not_axial": "not axial: a reformat",
        "series_repeated": "several images at one place: time points, phases or reconstructions in one series",
        "series_short": "too short to show the chest",
        "series_not_attenuation": "a derived map, not attenuation",
        "series_uncorrected": "not corrected for attenuation",
        "series_dynamic": "dynamic or gated",
        "series_other_tracer": "another tracer than FDG",
        "series_taken_pet": "taken: corrected for attenuation, and it fits the CT",
        "pet_of_study_not_used": "The PET of the study was not used: {why}",
        "series_unreadable": "it cannot be used: {why}",
    }
)
_BY = {
    "part_of_body": "its headers speak of the chest",
    "kernel": "its kernel is softer",
    "slices": "its slices are thinner",
    "contrast": "it has contrast",
    "span": "it is longer",
    "number": "it comes first",
    "frame": "it shares the CT's frame of reference",
    "overlap": "it covers more of the CT",
    "attenuation": "its headers say that it is corrected for attenuation",
}


@words_for("series_taken_ct")
def _taken_ct(facts: Facts) -> str:
    return f"taken: {facts['kernel']} kernel, slices {facts['distance_mm']:.2f} mm apart"


@words_for("series_less_fitting")
def _less_fitting(facts: Facts) -> str:
    return f"series {facts['taken']} fits better: {_BY[facts['by']]}"
