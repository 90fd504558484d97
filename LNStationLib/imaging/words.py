"""Words for what is odd about an image that can be worked with all the same."""

from __future__ import annotations

from LNStationLib.support.words import texts

# Grids and voxels
texts(
    {
        "thick_slices": (
            "{image}: slices are {slices_mm:.1f} mm apart; small lymph nodes and station borders are uncertain."
        ),
        "voxels_not_numbers": (
            "{image}: {n_voxels} voxels that are not numbers (NaN or infinite) were replaced by {fill:g}."
        ),
        "covers_part_of_ct": "{image}: covers only {percent:.0f} % of the CT; nothing is known of it outside.",
        "two_positions": (
            "{image}: the two positions in the NIfTI header (sform and qform) are up to {apart_mm:.1f} mm apart; the "
            "sform was taken, as nibabel and TotalSegmentator do, so masks from programs that take the qform, such "
            "as {others}, lie off by that much: write the image again with one position in both."
        ),
    }
)

# Masks
texts(
    {
        "mask_not_numbers": "{image}: NaN and infinite voxels were treated as background.",
        "mask_empty": "{image}: the mask is empty; taken as missing.",
        "mask_without_background": (
            "{image}: the mask is without background, every voxel is {value:g}; taken as missing."
        ),
        "probabilities_too_low": "{image}: no probability reaches {least:g}; taken as missing.",
        "mask_of_probabilities": "{image}: holds probabilities; voxels of {least:g} and above were taken.",
        "image_outside_ct": "{image}: lies entirely outside the CT; taken as missing.",
        "no_contours": "{image}: '{label}' has no contours; taken as missing.",
        "ct_without_frame_of_reference": (
            "{image}: the CT is a file that names no frame of reference, so that it cannot be checked whether this "
            "was drawn on it; check the overlay."
        ),
    }
)

# Series of DICOM
texts(
    {
        "several_series": "{image}: the folder holds {n_series} series; {taken} was taken.",
        "stray_images": (
            "{image}: {n_images} images of the same series with a different size, pixel spacing or orientation were "
            "left out."
        ),
        "duplicate_images": "{image}: {n_images} duplicate images at the same position were left out.",
    }
)

# SUV
texts(
    {
        "negative_values": "{image}: negative values down to {lowest:.3g} were set to 0.",
        "correction_not_said": "{image}: {attribute} is missing; taken as corrected for attenuation.",
        "decay_not_said": "{image}: {attribute} is missing; taken as START because the image is corrected.",
        "injection_does_not_fit_scan": (
            "{image}: the headers' date and time of injection do not fit the scan; only the time of day was used."
        ),
        "injection_on_day_before": (
            "{image}: the injection was later in the day than the scan; taken as on the day before."
        ),
    }
)

# The chest
texts(
    {
        "no_trachea_between_lungs": "{image}: no trachea was found between the lungs; check the image.",
        "half_a_chest": (
            "{image}: the view ends {reach_mm:.0f} mm beside the midline on the patient's {side}, so only a part of "
            "the chest is seen."
        ),
        "hardly_any_lung": "{image}: hardly any aerated lung on the patient's {side} ({volume_ml:.0f} ml).",
    }
)
