"""Station parsing by the IASLC definitions, rule by rule, on reference organs; needs no trained weights.

Method: every border of a definition becomes a plane, line or surface on this patient's organs
(:mod:`levels`, :mod:`walls`, :mod:`prevascular`); a station is the tissue within its borders (:mod:`rules`).
The idea of mapping the IASLC text to organ segmentations follows Hoffman et al., Proc. SPIE 9414, 94141R (2015);
definitions are those of Rusch et al. 2009.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field

import numpy as np

import LNStationLib.stations.iaslc_rules.words  # noqa: F401
from LNStationLib import anatomy
from LNStationLib.state.method import MethodOptions
from LNStationLib.state.needs import Need
from LNStationLib.state.organ_set import OrganSet
from LNStationLib.state.patient_state import PatientState
from LNStationLib.state.station_map import BorderNote, StationMap
from LNStationLib.stations.comparison import ComparisonOptions
from LNStationLib.stations.iaslc_rules.borders import MissingAnatomyError
from LNStationLib.stations.iaslc_rules.cleanup import clean_labels
from LNStationLib.stations.iaslc_rules.frame import Frame, make_frame
from LNStationLib.stations.iaslc_rules.needs import check_needs
from LNStationLib.stations.iaslc_rules.rules import RULES, Anatomy, Region
from LNStationLib.stations.left_out import NO_TISSUE, not_parsed
from LNStationLib.support.progress import Progress, silent
from LNStationLib.support.reason import Reason
from LNStationLib.support.types import HuArray, LabelArray

_log = logging.getLogger(__name__)
MIN_STATION_ML = 0.1
"""Less tissue than this holds no node of 5 mm; such a station is left out with the reason."""


class IaslcRules:
    """Parses stations 1 to 11 by the IASLC definitions."""

    name = "iaslc_rules"
    title = "IASLC definitions"
    options: type[MethodOptions] = ComparisonOptions
    needs: tuple[Need, ...] = ()
    references: tuple[str, ...] = (
        "Rusch et al. 2009, doi:10.1097/JTO.0b013e3181a0d82e (IASLC lymph node map)",
        "Lynch et al. 2013, doi:10.1016/j.prro.2012.01.007 (contouring the stations on CT)",
    )
    package_task: str | None = None

    def run(self, state: PatientState, options: MethodOptions, progress: Progress) -> StationMap:
        """Parse the stations; see :class:`LNStationLib.stations.method.StationMethod`."""
        return self.parse(state.working_ct.hu, state.organ_set, progress)

    def parse(self, hu: HuArray, organs: OrganSet, progress: Progress = silent) -> StationMap:
        """Parse the stations.

        A structure that is missing and has no surrogate costs the stations that need it, never the case.

        Args:
            hu: CT in Hounsfield units on the organs' grid, ``[z, y, x]``.
            organs: Organs and landmarks of the case.
            progress: Told the running step.
        """
        try:
            frame = make_frame(hu, organs)
        except MissingAnatomyError as error:
            return _nothing(organs, error.reason)
        patient = Anatomy(frame)
        drawn = _draw(patient, progress)
        labels = clean_labels(frame, patient, drawn.regions)
        return _assemble(organs, frame, patient, labels, drawn)


@dataclass
class _Drawn:
    """Regions, reasons why others have none, and doubts about regions, by station."""

    regions: dict[str, Region] = field(default_factory=dict)
    left_out: dict[str, Reason] = field(default_factory=dict)
    doubts: dict[str, tuple[Reason, ...]] = field(default_factory=dict)


def _draw(patient: Anatomy, progress: Progress) -> _Drawn:
    drawn = _Drawn()
    for i, (name, rule) in enumerate(RULES.items()):
        progress(f"station {name}", i / len(RULES))
        try:
            drawn.doubts[name] = check_needs(name, patient.knows)
        except MissingAnatomyError as missing:
            drawn.left_out[name] = not_parsed(missing.reason)
        try:
            # One that is left out for its needs still keeps its neighbors out of its place.
            drawn.regions[name] = rule(patient)
        except MissingAnatomyError as missing:
            drawn.left_out.setdefault(name, not_parsed(missing.reason))
    for name, why in drawn.left_out.items():
        _log.info("station %s left out: %s", name, why.facts.get("why", why))
    return drawn


def _nothing(organs: OrganSet, reason: Reason) -> StationMap:
    grid = organs.grid
    middle = np.full(grid.shape[0], grid.coordinates_mm(2).mean())
    left_out = {row.name: not_parsed(reason) for row in anatomy.stations()}
    return StationMap(grid, np.zeros(grid.shape, np.uint8), middle, left_out=left_out, failure=reason)


def _assemble(
    organs: OrganSet,
    frame: Frame,
    patient: Anatomy,
    labels: LabelArray,
    drawn: _Drawn,
) -> StationMap:
    whole = np.zeros(organs.grid.shape, dtype=np.uint8)
    z, y, x = frame.offset
    depth, height, width = frame.grid.shape
    whole[z : z + depth, y : y + height, x : x + width] = labels
    volumes = np.bincount(labels.ravel(), minlength=256) * frame.grid.voxel_volume_ml
    notes: list[BorderNote] = []
    for row in anatomy.stations():
        region = drawn.regions.get(row.name)
        if region is None:
            continue
        if row.name in drawn.left_out:
            whole[whole == row.label_value] = 0
            continue
        if volumes[row.label_value] < MIN_STATION_ML:
            drawn.left_out[row.name] = not_parsed(NO_TISSUE)
            whole[whole == row.label_value] = 0
            continue
        notes += [
            BorderNote(row.name, where, border.rests_on, border.surrogate) for where, border in region.borders.items()
        ]
    midline = patient.walls.midline.position_mm[:, 0, 0].astype(np.float64)
    doubts = {name: why for name, why in drawn.doubts.items() if why and name not in drawn.left_out}
    return StationMap(organs.grid, whole, midline, notes, drawn.left_out, list(organs.warnings), doubts)
