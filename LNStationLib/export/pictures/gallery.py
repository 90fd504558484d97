"""Which planes of the case the report shows, and their captions."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from LNStationLib import anatomy
from LNStationLib.export.evidence import EvidenceMap
from LNStationLib.export.pictures import plane_drawing
from LNStationLib.export.pictures.patient_view import Box, PatientView, centroid, region_around
from LNStationLib.export.pictures.planes import Plane, axial_plane, coronal_plane
from LNStationLib.export.wording import number
from LNStationLib.imaging.boxes import label_boxes
from LNStationLib.state.assessment import Assessment, NodeFinding, StationFinding
from LNStationLib.support.language import marked, say
from LNStationLib.support.palette import call_color
from LNStationLib.support.progress import Progress, silent
from LNStationLib.support.types import BoolArray, PointMm

MARGIN_MM = 30.0
"""Around all stations and nodes: shows the chest wall and the lung beside them, so that a reader finds the level."""
MOST_STATION_PICTURES = 12
"""Of the 17 stations; more pages than this are rarely read, and the note names those that are left out."""
MOST_STRAY_PICTURES = 4
"""Nodes outside all stations: supraclavicular, axillary or abdominal ones come in small numbers."""
_CARINA_ZONE_MM = 20.0
"""Lowest part of the trachea, about one width of it (15 to 20 mm in adults): its middle is the carina's plane."""
_VISIBLE_MM2 = 20.0
"""Area from which a station counts as seen on a coronal plane: a disk of 5 mm, room for its name."""


@dataclass(frozen=True)
class Picture:
    """One picture of the report.

    Attributes:
        name: File name without ending, unique in the report.
        title: Headline.
        caption: What is shown.
        ct_svg: The CT with outlines.
        fused_svg: PET over CT of the same plane; ``None`` without PET.
        evidence_svg: The station's evidence map over CT of the same plane; ``None`` without one.
        orientation: Of the plane.
        width_mm: Width of the field of view, of both drawings.
        height_mm: Height.
    """

    name: str
    title: str
    caption: str
    ct_svg: str
    fused_svg: str | None
    orientation: Literal["axial", "coronal"]
    width_mm: float
    height_mm: float
    evidence_svg: str | None = None

    @property
    def drawings(self) -> tuple[str, ...]:
        """Its drawings from left to right."""
        return tuple(svg for svg in (self.ct_svg, self.evidence_svg, self.fused_svg) if svg is not None)


@dataclass(frozen=True)
class Gallery:
    """All pictures of a report.

    Attributes:
        coronals: Overview planes, at least one.
        stations: Axial planes, one per chosen station.
        note: Text: which stations are shown and which were left out.
    """

    coronals: tuple[Picture, ...]
    stations: tuple[Picture, ...]
    note: str


def build_gallery(
    assessment: Assessment,
    view: PatientView,
    progress: Progress = silent,
    evidence: Mapping[str, EvidenceMap] | None = None,
) -> Gallery:
    """Choose and draw the pictures of a case.

    Args:
        assessment: Decides which stations are shown.
        view: The images.
        progress: Told the running picture.
        evidence: Evidence maps by station.
    """
    maps = evidence or {}
    box = region_around(view, MARGIN_MM)
    colors = {node.node_id: call_color(node.call, node.fit_for_staging) for node in assessment.nodes}
    chosen, note = choose_stations(assessment, frozenset(maps))
    coronals = _coronal_pictures(view, box, colors)
    axials = []
    for done, finding in enumerate(chosen):
        progress(f"picture of station {finding.station}", done / len(chosen))
        picture = _station_picture(assessment, finding, view, box, colors, maps.get(finding.station))
        if picture is not None:
            axials.append(picture)
    axials += [_stray_node_picture(node, view, box, colors) for node in stray_nodes(assessment)]
    return Gallery(tuple(coronals), tuple(axials), note)


def choose_stations(assessment: Assessment, with_evidence: Collection[str] = ()) -> tuple[list[StationFinding], str]:
    """Stations that get a picture, the positive ones first, and a sentence that says which they are.

    Those that a network judged or that have an evidence map, positive stations and those that hold nodes; where there
    are none, every station that was found.

    Args:
        assessment: The findings.
        with_evidence: Names of the stations that have an evidence map.
    """
    with_nodes = {node.station for node in assessment.nodes}
    relevant = [
        finding
        for finding in assessment.stations
        if finding.call == "positive"
        or finding.n_nodes
        or finding.station in with_nodes
        or finding.probability is not None
        or finding.station in with_evidence
    ]
    relevant.sort(key=lambda finding: (finding.call != "positive", -(finding.probability or 0), finding.label_value))
    if not relevant:
        return (
            [finding for finding in assessment.stations if finding.volume_ml is not None],
            say("No station is positive or holds a node: every station found on this CT is shown."),
        )
    shown, rest = relevant[:MOST_STATION_PICTURES], relevant[MOST_STATION_PICTURES:]
    judged = any(finding.probability is not None for finding in relevant)
    note = marked("Shown are the stations that are positive or hold nodes{but}.")
    if judged:
        note = marked("Shown are the stations that the network judged, that are positive or that hold nodes{but}.")
    but = ""
    if rest:
        text = "; for brevity without {stations}, which the tables and the label maps contain"
        but = say(text, stations=", ".join(finding.station for finding in rest))
    return shown, say(note, but=but)


def stray_nodes(assessment: Assessment) -> list[NodeFinding]:
    """Positive nodes outside all stations, the largest first: no station's picture would show them."""
    outside = [node for node in assessment.nodes if node.station is None and node.fit_for_staging]
    found = [node for node in outside if node.call == "positive"]
    return sorted(found, key=lambda node: -node.short_axis_mm)[:MOST_STRAY_PICTURES]


def coronal_rows(view: PatientView) -> list[int]:
    """Rows (y indices) of the coronal planes: through the carina, and where most of the other stations show."""
    areas = _coronal_areas(view)
    first = _carina_row(view)
    if first is None:
        total = sum(areas.values(), np.zeros(view.grid.shape[1]))
        rows = np.arange(total.size)
        first = round(float((total * rows).sum() / total.sum())) if total.any() else total.size // 2
    hidden = [area for area in areas.values() if area[first] < _VISIBLE_MM2]
    shown = sum(((area >= _VISIBLE_MM2).astype(int) for area in hidden), np.zeros(view.grid.shape[1], int))
    if shown.max(initial=0) < 2:
        return [first]
    # Of the rows that show equally many stations the one that shows most of them.
    best = np.where(shown == shown.max(), sum(hidden), -1.0)
    return [first, int(np.argmax(best))]


def _coronal_areas(view: PatientView) -> dict[int, np.ndarray]:
    """Area in mm² of every station on every coronal plane."""
    pixel = view.grid.spacing_mm[0] * view.grid.spacing_mm[2]
    areas = {}
    for label, box in label_boxes(view.stations).items():
        area = np.zeros(view.grid.shape[1])
        area[box[1]] = np.count_nonzero(view.stations[box] == label, axis=(0, 2)) * pixel
        areas[label] = area
    return areas


def _carina_row(view: PatientView) -> int | None:
    trachea = np.nonzero(view.organs == anatomy.organ("trachea").label_value)
    if not trachea[0].size:
        return None
    lowest = trachea[0] <= trachea[0].min() + _CARINA_ZONE_MM / view.grid.spacing_mm[0]
    return round(float(trachea[1][lowest].mean()))


_AT_CARINA = (
    marked("Through the carina"), marked("{mm} mm behind the carina"), marked("{mm} mm in front of the carina"),
)  # fmt: skip
_AT_STATIONS = (
    marked("Through the middle of the stations"),
    marked("{mm} mm behind the middle of the stations"),
    marked("{mm} mm in front of the middle of the stations"),
)


def _coronal_pictures(view: PatientView, box: Box, colors: Mapping[int, str]) -> list[Picture]:
    rows = coronal_rows(view)
    through, behind, before = _AT_STATIONS if _carina_row(view) is None else _AT_CARINA
    titles = [say(through)]
    for y in rows[1:]:
        offset_mm = (y - rows[0]) * view.grid.spacing_mm[1]
        titles.append(say(behind if offset_mm > 0 else before, mm=number(abs(offset_mm), 0)))
    pictures_ = []
    for y, title in zip(rows, titles, strict=True):
        plane = coronal_plane(view, box, y)
        caption = say("Stations on this plane: {stations}.", stations=", ".join(_names_on(plane)) or say("none"))
        pictures_.append(_draw(plane, f"coronal-{y}", title, caption, None, colors))
    return pictures_


def _station_picture(
    assessment: Assessment,
    finding: StationFinding,
    view: PatientView,
    box: Box,
    colors: Mapping[int, str],
    evidence: EvidenceMap | None = None,
) -> Picture | None:
    holder = None if evidence is None else _node_with_most_evidence(assessment, evidence)
    shown = holder or _largest_node(assessment, finding.station)
    point = shown.centroid_mm if shown is not None else centroid(view, finding.label_value)
    if point is None:
        return None
    if evidence is not None:
        # Of the slices that show the subject, the one where the map is brightest: near its peak.
        point = evidence.peak_mm
    subject = view.stations == finding.label_value if shown is None else view.nodes == shown.node_id
    plane = axial_plane(view, box, _slice_of(view, subject, point), evidence)
    title = say("Station {station}, {name}", station=finding.station, name=say(finding.title))
    words = _caption(finding, shown)
    if evidence is not None:
        words = _evidence_caption(finding, evidence, shown, shown is holder)
    return _draw(plane, f"axial-{finding.label_value}", title, words, finding.station, colors, evidence)


def _draw(
    plane: Plane,
    name: str,
    title: str,
    caption: str,
    subject: str | None,
    colors: Mapping[int, str],
    evidence: EvidenceMap | None = None,
) -> Picture:
    height, width = plane.size_mm
    text = "{title}: axial plane" if plane.orientation == "axial" else "{title}: coronal plane"
    words = say(text, title=title)
    evidence_svg = None
    if subject is not None and evidence is not None:
        over_ct = say("{plane}, {values} over CT", plane=words, values=say(evidence.title))
        evidence_svg = plane_drawing.draw_evidence(plane, over_ct, subject, colors, say(evidence.title))
    return Picture(
        name=name,
        title=title,
        caption=caption,
        ct_svg=plane_drawing.draw_ct(plane, f"{words}, CT", subject, colors),
        fused_svg=plane_drawing.draw_fused(plane, say("{title}, PET over CT", title=words), colors),
        evidence_svg=evidence_svg,
        orientation=plane.orientation,
        width_mm=round(width, 1),
        height_mm=round(height, 1),
    )


def _node_with_most_evidence(assessment: Assessment, evidence: EvidenceMap) -> NodeFinding | None:
    return next((node for node in assessment.nodes if node.node_id == evidence.node_id), None)


def _largest_node(assessment: Assessment, station: str) -> NodeFinding | None:
    nodes = [node for node in assessment.nodes if node.station == station]
    return max(nodes, key=lambda node: node.short_axis_mm, default=None)


def _stray_node_picture(node: NodeFinding, view: PatientView, box: Box, colors: Mapping[int, str]) -> Picture:
    plane = axial_plane(view, box, _slice_of(view, view.nodes == node.node_id, node.centroid_mm))
    caption = say("Positive node, {mm} mm short axis.", mm=number(node.short_axis_mm, 1))
    title = say("Node #{node}, outside all stations", node=node.node_id)
    return _draw(plane, f"axial-node-{node.node_id}", title, caption, None, colors)


def _slice_of(view: PatientView, subject: BoolArray, point: PointMm) -> int:
    """The slice nearest to ``point`` that really shows what the picture is about: a bent station may miss it."""
    z = int(np.clip(round(view.grid.index(point)[0]), 0, view.grid.shape[0] - 1))
    slices = np.flatnonzero(subject.any(axis=(1, 2)))
    return int(slices[np.argmin(np.abs(slices - z))]) if slices.size else z


def _caption(finding: StationFinding, largest: NodeFinding | None) -> str:
    if largest is None:
        return say("Slice through the middle of the station.")
    named = {"node": largest.node_id, "mm": number(largest.short_axis_mm, 1)}
    if (finding.n_nodes or 1) > 1:
        text = "Slice through node #{node} (largest of {count} nodes, {mm} mm short axis)."
        return say(text, count=finding.n_nodes, **named)
    return say("Slice through node #{node} ({mm} mm short axis).", **named)


def _evidence_caption(
    finding: StationFinding, evidence: EvidenceMap, shown: NodeFinding | None, draws_most: bool
) -> str:
    """What a picture with an evidence map shows, and what the method made of the station."""
    where = _evidence_place(evidence, shown, draws_most)
    call = say(finding.call or "not assessed")
    if finding.probability is None:
        return f"{call[0].upper()}{call[1:]}. {where}"
    text = "Probability {probability}, {call}. {where}"
    return say(text, probability=number(finding.probability, 2), call=call, where=where)


def _evidence_place(evidence: EvidenceMap, shown: NodeFinding | None, draws_most: bool) -> str:
    """Which slice it is, as a sentence."""
    values = say(evidence.title.lower())
    if shown is None:
        return say("Slice of the station nearest to the peak of the {values}.", values=values)
    named = {"node": shown.node_id, "mm": number(shown.short_axis_mm, 1)}
    if not draws_most or evidence.part_in_nodes is None:
        return say("Slice through node #{node} ({mm} mm short axis).", **named)
    return say(
        "Slice through node #{node} ({mm} mm short axis), of the nodes the one that draws most; {share:.0%} of the "
        "{values} lies in nodes.",
        share=evidence.part_in_nodes,
        values=values,
        **named,
    )


def _names_on(plane: Plane) -> Iterator[str]:
    for station in anatomy.stations():
        if np.equal(plane.stations, station.label_value).any():
            yield station.name
