"""Which series of a study is its CT and which its PET: stated rules, and a reason for every series.

A CT is ruled out by what makes it no volume of the chest in HU. Of the others the first is taken by, in this order:
words for the chest in its headers before none, and none before words for another part alone; a soft kernel before an
unknown one, and that before a sharp one; thin slices before thick ones; contrast before none; a longer span; its
number. Words for a part of the body never rule a CT out by themselves, because they are wrong in one series of seven
(Gueld et al. 2002, doi:10.1117/12.467017): whether a chest is in view, the image says when it is read.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from LNStationLib.batch.records import Decision, SeriesChoice
from LNStationLib.batch.studies.series import SeriesFacts
from LNStationLib.imaging.dicom_series import MIN_SLICES
from LNStationLib.imaging.tracer import FDG, tracer_of
from LNStationLib.support.reason import Reason
from LNStationLib.support.resources import resource_path

_MIN_SPAN_MM = 100.0
"""From the thoracic inlet to the carina alone it is about 100 mm: less cannot show the stations."""
_SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
"""SOP classes of images of screens begin with it (DICOM PS3.4, B.5)."""
_REPEATS = 1.1
"""More images a place than this: several time points, phases or reconstructions in one series."""
_DISTANCE_STEP_MM = 0.25
"""Slices that differ by less in distance are equally thin."""
_OVERLAP_STEP_MM = 20.0

Rank = tuple[tuple[str, Any], ...]
"""What decides, in its order, each with its name; the lower value goes first."""


@cache
def _rules() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(resource_path("Dicom", "series_rules.json").read_text(encoding="utf-8"))
    return found


def _says(series: SeriesFacts, word: str) -> bool:
    return re.search(_rules()["words"][word], series.said, re.IGNORECASE) is not None


def kernel_class(series: SeriesFacts) -> str:
    """``"soft"``, ``"sharp"`` or ``"unknown"``, by the kernel, else by words of the description."""
    kernel = series.facts["kernel"].strip()
    for row in _rules()["kernels"]:
        if kernel and re.fullmatch(row["kernel"], kernel, re.IGNORECASE):
            return str(row["class"])
    soft, sharp = _says(series, "soft"), _says(series, "sharp")
    return "unknown" if soft == sharp else "soft" if soft else "sharp"


def refusal(series: SeriesFacts, modality: str) -> Reason | None:
    """Why a series cannot be the study's CT (``"CT"``) or PET (``"PT"``); ``None`` where it may be."""
    facts = {"modality": series.modality or "none", "images": series.n_images, "places": series.n_places}
    for code, ruled_out in (*_ANY, *(_CT if modality == "CT" else _PET)):
        if ruled_out(series):
            return Reason(f"series_{code}", facts)
    return None


def _is_repeated(series: SeriesFacts) -> bool:
    return series.n_images > _REPEATS * series.n_places


def _is_short(series: SeriesFacts) -> bool:
    return series.span_mm is not None and series.span_mm[1] - series.span_mm[0] < _MIN_SPAN_MM


def _is_uncorrected(series: SeriesFacts) -> bool:
    corrected = series.facts["corrected"]
    return "ATTN" not in corrected and (bool(corrected) or _says(series, "uncorrected"))


def _has_other_tracer(series: SeriesFacts) -> bool:
    return tracer_of(series.facts["tracer"]) not in (FDG, None)


_Test = Callable[[SeriesFacts], bool]
_ANY: tuple[tuple[str, _Test], ...] = (
    ("no_image", lambda one: not one.is_image),
    ("capture", lambda one: one.facts["sop_class"].startswith(_SECONDARY_CAPTURE)),
    ("other_modality", lambda one: one.modality not in ("CT", "PT")),
    ("localizer", lambda one: "LOCALIZER" in one.facts["image_type"]),
    ("color", lambda one: (one.facts["samples"] or 1) > 1),
    ("multiframe", lambda one: (one.facts["frames"] or 1) > 1),
    ("projection", lambda one: _says(one, "projection")),
    ("few_images", lambda one: one.n_images < MIN_SLICES),
    ("not_placed", lambda one: one.n_places == 0),
    ("not_axial", lambda one: one.is_axial is False),
    ("repeated", _is_repeated),
    ("short", _is_short),
)
_CT: tuple[tuple[str, _Test], ...] = (("not_attenuation", lambda one: _says(one, "not_attenuation")),)
_PET: tuple[tuple[str, _Test], ...] = (
    ("uncorrected", _is_uncorrected),
    ("dynamic", lambda one: bool({"DYNAMIC", "GATED"} & set(one.facts["series_type"]))),
    ("other_tracer", _has_other_tracer),
)


def ct_rank(series: SeriesFacts) -> Rank:
    """What decides between CTs."""
    parts = {(True, False): 0, (True, True): 0, (False, False): 1, (False, True): 2}
    low, high = series.span_mm or (0.0, 0.0)
    return (
        ("part_of_body", parts[_says(series, "chest"), _says(series, "elsewhere")]),
        ("kernel", ("soft", "unknown", "sharp").index(kernel_class(series))),
        ("slices", round(_thickness_mm(series) / _DISTANCE_STEP_MM)),
        ("contrast", not series.facts["contrast"]),
        ("span", -round((high - low) / _OVERLAP_STEP_MM)),
        ("number", (series.number is None, series.number or 0, series.uid)),
    )


def _thickness_mm(series: SeriesFacts) -> float:
    """Distance or thickness of slices, whichever is larger: thin slices far apart show less."""
    known = [mm for mm in (series.distance_mm, series.facts["thickness_mm"]) if mm]
    return float(max(known, default=99.0))


def pet_rank(series: SeriesFacts, ct: SeriesFacts) -> Rank:
    """What decides between PETs for a CT."""
    return (
        ("frame", series.facts["frame"] != ct.facts["frame"]),
        ("overlap", -round(_overlap_mm(series, ct) / _OVERLAP_STEP_MM)),
        ("attenuation", "ATTN" not in series.facts["corrected"]),
        ("slices", round(_thickness_mm(series) / _DISTANCE_STEP_MM)),
        ("number", (series.number is None, series.number or 0, series.uid)),
    )


def _overlap_mm(one: SeriesFacts, other: SeriesFacts) -> float:
    if one.span_mm is None or other.span_mm is None:
        return 0.0
    return max(0.0, min(one.span_mm[1], other.span_mm[1]) - max(one.span_mm[0], other.span_mm[0]))


@dataclass(frozen=True)
class Candidates:
    """Series that may be the CT or the PET of a study, and why the others may not.

    Attributes:
        cts: The most fitting first.
        pets: In the order of the study.
        refused: Every other series.
        first_refused: A file of each of those, by the digest of its UID.
    """

    cts: tuple[SeriesFacts, ...]
    pets: tuple[SeriesFacts, ...]
    refused: tuple[SeriesChoice, ...]
    first_refused: Mapping[str, str]


def candidates(found: Sequence[SeriesFacts]) -> Candidates:
    """Sort the series of a study."""
    why = {one.uid: refusal(one, one.modality) for one in found}
    left = [one for one in found if why[one.uid] is None]
    cts = sorted((one for one in left if one.modality == "CT"), key=ct_rank)
    pets = [one for one in left if one.modality == "PT"]
    refused = [choice(one, "refused", reason) for one in found if (reason := why[one.uid]) is not None]
    first_refused = {one.digest: one.files[0] for one in found if why[one.uid] is not None}
    return Candidates(tuple(cts), tuple(pets), tuple(refused), first_refused)


def less_fitting(series: SeriesFacts, rank: Rank, taken: SeriesFacts, rank_taken: Rank) -> SeriesChoice:
    """A series that would do, had a more fitting one not been there; with what decided."""
    decisive = next((name for (name, one), (_, best) in zip(rank, rank_taken, strict=True) if one != best), "number")
    facts = {"taken": taken.number if taken.number is not None else "without number", "by": decisive}
    return choice(series, "not needed", Reason("series_less_fitting", facts))


def choice(series: SeriesFacts, decision: Decision, reason: Reason) -> SeriesChoice:
    """What the table says of a series."""
    facts = series.facts
    return SeriesChoice(
        series_number=series.number,
        modality=series.modality,
        n_images=series.n_images,
        kernel=facts["kernel"],
        slice_distance_mm=None if series.distance_mm is None else round(series.distance_mm, 3),
        decision=decision,
        code=reason.code,
        facts=dict(reason.facts),
        series=series.digest,
    )
