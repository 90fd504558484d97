"""SUVmax of whole stations against the reader's calls: stations as they are, grown, or as a method draws them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import edt
import numpy as np
import SimpleITK as sitk
from scipy.ndimage import gaussian_filter, map_coordinates
from skimage.morphology import convex_hull_image

from lnstation_training.evaluation.segmentation import StructureScore, label_scores
from lnstation_training.synthetic.audit.sheet import Figure
from lnstation_training.synthetic.audit.statistics import wilson
from LNStationLib import anatomy
from LNStationLib.imaging.arrays import array_view
from LNStationLib.imaging.boxes import indices_of, like, spacing_zyx
from LNStationLib.metastasis.station_uptake import station_uptakes
from LNStationLib.phantom.patient import PatientTruth
from LNStationLib.support.types import BoolArray, LabelArray

ATLAS_ERROR_MM = 7.0
"""How far atlas-registered stations are taken to be off (6.9 mm and more are reported: Guo et al. 2021, Sec. 1)."""
GROWN_MM = (3.5, ATLAS_ERROR_MM, 14.0, 21.0)
"""From half to three times that error: the curve tells which error would explain a published specificity."""
HULLS = "stations as target volumes (hull of each slice, organs inside)"
HULLS_GROWN = f"{HULLS}, grown by {ATLAS_ERROR_MM:g} mm"
"""As drawn for radiotherapy (Lynch et al. 2013): vessels, esophagus and heart between nodes are not spared."""
MOVED_MM = (ATLAS_ERROR_MM, 2 * ATLAS_ERROR_MM)
_SMOOTH_MM = 30.0
"""Registration errs alike in voxels nearer than this: half the height of the larger stations."""
EXACT = "true stations"
_SPILL_MM = 8.0
"""So near its hottest voxel lies what makes a station hot: somewhat more than the resolution of PET, 6 to 7 mm."""
_VALUES = {row.name: row.label_value for row in anatomy.stations()}
_ORGANS = {row.label_value: row.name for row in anatomy.organs()}
Index = tuple[int, int, int]
Hottest = Mapping[str, tuple[float, Index]]
"""By station, SUVmax and where on the PET's grid."""


@dataclass(frozen=True)
class Maps:
    """One patient's PET and label maps, on any grids.

    Attributes:
        pet: SUVbw.
        stations: The true ones.
        drawn: Those of another method; ``None`` where there are none.
        sources: What can be hot, by name, the likelier first: masks or label maps.
        organs: Label map of all organs.
    """

    pet: sitk.Image
    stations: sitk.Image
    drawn: sitk.Image | None
    sources: Mapping[str, sitk.Image]
    organs: sitk.Image

    def on_pet(self, labels: sitk.Image) -> LabelArray:
        """A label map on the PET's grid, ``[z, y, x]``."""
        found = sitk.Resample(labels, self.pet, sitk.Transform(), sitk.sitkNearestNeighbor, 0, labels.GetPixelID())
        return sitk.GetArrayFromImage(found)

    @cached_property
    def sources_on_pet(self) -> Mapping[str, LabelArray]:
        """``sources`` and ``organs`` on the PET's grid."""
        return {name: self.on_pet(image) for name, image in {**self.sources, "organs": self.organs}.items()}


class Measured(NamedTuple):
    """One station in one outline.

    Attributes:
        call: Whether the reader called it.
        metastatic: Whether any of its nodes is, as drawn.
        suv_max: Highest SUV, with the tumor left in.
    """

    call: bool
    metastatic: bool
    suv_max: float


@dataclass(frozen=True)
class StationSuv:
    """SUVmax of one patient's stations by outline.

    Attributes:
        rows: By outline, every station that PET covers.
        beneath: By outline, what is hot in stations above the threshold that the reader did not call.
        errors: Of the other method's stations, held to the true ones.
    """

    rows: Mapping[str, list[Measured]]
    beneath: Mapping[str, Counter[str]]
    errors: Sequence[StructureScore]


def grown_name(by_mm: float) -> str:
    """Title of stations grown by so much."""
    return f"stations grown by {by_mm:g} mm" + (", as an atlas errs" if by_mm == ATLAS_ERROR_MM else "")


def moved_name(by_mm: float) -> str:
    """Title of stations moved by so much on average."""
    return f"stations moved by {by_mm:g} mm on average by a smooth random field"


def station_suv(
    patient: PatientTruth, maps: Maps, threshold: float, drawn_name: str, rng: np.random.Generator
) -> StationSuv:
    """Measure the stations of a patient in every outline.

    Args:
        patient: Gives the reader's calls.
        maps: Of the patient.
        threshold: SUV above which a station is called.
        drawn_name: Title of the other method's stations.
        rng: Of the fields that move stations.
    """
    truth = {row.station: row for row in patient.stations}
    labels = maps.on_pet(maps.stations)
    exact = {name: labels == value for name, value in _VALUES.items() if (labels == value).any()}
    hulls = {name: _hull(mask) for name, mask in exact.items()}
    outlines: dict[str, Hottest] = {EXACT: _hottest(maps.pet, maps.stations)}
    outlines |= _hottest_grown(maps.pet, exact, {by_mm: grown_name(by_mm) for by_mm in GROWN_MM})
    outlines |= _hottest_grown(maps.pet, hulls, {0.0: HULLS, ATLAS_ERROR_MM: HULLS_GROWN})
    outlines |= _hottest_moved(maps, rng)
    if maps.drawn is not None:
        outlines[drawn_name] = _hottest(maps.pet, maps.drawn)
    rows, beneath = {}, {}
    for outline, found in outlines.items():
        known = [(truth[name], suv, at) for name, (suv, at) in found.items() if name in truth]
        rows[outline] = [Measured(row.call, row.n_malignant > 0, suv) for row, suv, _ in known]
        beneath[outline] = Counter(_source(maps, at) for row, suv, at in known if suv > threshold and not row.call)
    return StationSuv(rows, beneath, _errors(maps))


def _hottest(pet: sitk.Image, stations: sitk.Image) -> Hottest:
    found = {}
    for name, uptake in station_uptakes(pet, stations, None).by_station.items():
        z, y, x = np.rint(indices_of(pet, np.array([uptake.hottest_mm]))[0]).astype(int).tolist()
        found[name] = (uptake.suv_max, (z, y, x))
    return found


def _hull(mask: BoolArray) -> BoolArray:
    """A station with all that lies between its parts in each axial slice."""
    filled = mask.copy()
    for z in np.flatnonzero(mask.any(axis=(1, 2))):
        np.logical_or(mask[z], convex_hull_image(mask[z]), out=filled[z])
    return filled


def _hottest_grown(
    pet: sitk.Image, masks: Mapping[str, BoolArray], titles: Mapping[float, str]
) -> dict[str, Hottest]:
    """In masks on the PET's grid grown by several distances in mm, each with its title; neighbors are taken in."""
    suv = array_view(pet)
    found: dict[str, dict[str, tuple[float, Index]]] = {title: {} for title in titles.values()}
    for name, mask in masks.items():
        away_mm = edt.edt(~mask, anisotropy=spacing_zyx(pet))
        for by_mm, title in titles.items():
            at = np.unravel_index(int(np.where(away_mm <= by_mm, suv, -np.inf).argmax()), suv.shape)
            z, y, x = (int(each) for each in at)
            found[title][name] = (float(suv[z, y, x]), (z, y, x))
    return dict(found)


def _hottest_moved(maps: Maps, rng: np.random.Generator) -> dict[str, Hottest]:
    """In stations moved on the PET's own grid, as a registration moves them that errs by so much."""
    labels, spacing_mm = maps.on_pet(maps.stations), np.array(spacing_zyx(maps.pet))
    smooth = _SMOOTH_MM / spacing_mm
    field = np.stack([gaussian_filter(rng.normal(size=labels.shape).astype(np.float32), smooth) for _ in range(3)])
    field /= np.linalg.norm(field, axis=0)[labels > 0].mean()
    found = {}
    for by_mm in MOVED_MM:
        at = np.indices(labels.shape) + by_mm * field / spacing_mm[:, None, None, None]
        found[moved_name(by_mm)] = _hottest(maps.pet, like(map_coordinates(labels, at, order=0), maps.pet))
    return found


def _source(maps: Maps, at: Index) -> str:
    """The first source near a voxel of the PET, else the organ that it lies in."""
    reach = [int(_SPILL_MM // step) for step in spacing_zyx(maps.pet)]
    near = tuple(slice(max(i - n, 0), i + n + 1) for i, n in zip(at, reach, strict=True))
    for name in maps.sources:
        if maps.sources_on_pet[name][near].any():
            return name
    return _ORGANS.get(int(maps.sources_on_pet["organs"][at]), "no organ").replace("_", " ")


def _errors(maps: Maps) -> list[StructureScore]:
    if maps.drawn is None:
        return []
    truth = maps.stations
    drawn = sitk.Resample(maps.drawn, truth, sitk.Transform(), sitk.sitkNearestNeighbor, 0, maps.drawn.GetPixelID())
    scores = label_scores(array_view(drawn), array_view(truth), _VALUES, spacing_zyx(truth))
    return [score for score in scores.values() if score.dice is not None]


def suv_figures(section: str, found: Sequence[StationSuv], threshold: float, drawn_name: str) -> Iterator[Figure]:
    """Sensitivity and specificity in every outline, what is hot in false calls, how far a method's outlines err.

    Args:
        section: Heading of the figures.
        found: Of all patients.
        threshold: SUV above which a station is called.
        drawn_name: Title of the other method's stations.
    """
    for outline in dict.fromkeys(name for one in found for name in one.rows):
        rows = [row for one in found for row in one.rows.get(outline, ())]
        yield from _rates(section, rows, threshold, outline)
        hot = sum((one.beneath.get(outline, Counter()) for one in found), Counter[str]())
        if hot:
            words = ", ".join(f"{name} {count}" for name, count in hot.most_common())
            yield Figure(section, f"what is hot in stations falsely above {threshold:g}, {outline}", words)
    errors = [score for one in found for score in one.errors]
    if errors:
        yield Figure(section, f"{drawn_name}, against true stations", _error_words(errors))


def _rates(section: str, rows: Sequence[Measured], threshold: float, where: str) -> Iterator[Figure]:
    """Against the truth too: what a reader who is never wrong would make of the same PET."""
    hot = [row.suv_max > threshold for row in rows]
    for against, positive in (
        ("imaging diagnosis", [row.call for row in rows]),
        ("the truth", [row.metastatic for row in rows]),
    ):
        pairs = list(zip(positive, hot, strict=True))
        for name, chosen in (
            ("sensitivity", [found for there, found in pairs if there]),
            ("specificity", [not found for there, found in pairs if not there]),
        ):
            if chosen:
                title = f"{name} of measured SUVmax above {threshold:g} against {against}, {where}"
                yield Figure(section, title, _share(sum(chosen), len(chosen)))


def _share(part: int, whole: int) -> str:
    low, high = wilson(part, whole)
    return f"{part} of {whole} ({100 * part / whole:.1f} %; 95 % CI {100 * low:.1f} to {100 * high:.1f})"


def _error_words(errors: Sequence[StructureScore]) -> str:
    """Mean overlap, and distances of surfaces, of which half and nine in ten of the stations have less."""
    there = [score for score in errors if score.asd_mm is not None]
    words = [f"mean Dice {np.mean([score.dice for score in errors]):.2f} of {len(errors)} stations"]
    for title, measure in (("average surface distance", "asd_mm"), ("HD95", "hd95_mm")):
        half, most = np.percentile([getattr(score, measure) for score in there], [50, 90]) if there else (0.0, 0.0)
        words.append(f"{title} median {half:.1f} mm, 90th percentile {most:.1f} mm")
    return "; ".join(words)
