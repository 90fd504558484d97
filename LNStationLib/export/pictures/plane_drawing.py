"""A plane drawn as a radiology picture: CT in the soft tissue window, outlines, side marks and a scale.

Picture and outlines are one SVG whose user unit is one millimeter of the patient: the gray values are an embedded
PNG, everything on top stays sharp at any size.
"""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from xml.etree.ElementTree import Element

import matplotlib
import numpy as np
from PIL import Image

from LNStationLib import anatomy
from LNStationLib.export.pictures import svg
from LNStationLib.export.pictures.contours import inner_point, outlines
from LNStationLib.export.pictures.planes import Plane
from LNStationLib.support import palette
from LNStationLib.support.types import BoolArray, FloatArray

WINDOW_HU = 400.0
LEVEL_HU = 40.0
"""Width and level of the usual mediastinal soft tissue window."""
SUV_MAX_SHOWN = 10.0
"""Upper end of the SUV scale: above most nodal metastases, so that they do not saturate."""
_PIXELS_PER_MM = 2.6
"""Of the embedded CT: above 300 dpi where a field of view of 250 mm prints 55 mm or less wide, finer than any CT."""
_SCALE_MM = 50.0
"""Length of the scale bar, whose label says 5 cm."""
_FAINT_SUV, _OPAQUE_SUV = 1.0, 3.0
"""Between them the PET fades in over the CT, so that anatomy stays visible at background uptake."""
_PET_OPACITY = 0.7
"""Opacity of the PET at its strongest: outlines of vessels and airways still show through."""
EVIDENCE_COLORS = "inferno"
_FAINT_EVIDENCE, _OPAQUE_EVIDENCE = 0.15, 0.6
"""Parts of the map's highest value between which it fades in over the CT."""
_EVIDENCE_OPACITY = 0.6
"""Opacity of the map at its strongest: coarse maps cover much anatomy and stay weaker than the PET."""
_LABEL_ROOM_MM = 3.0
"""Radius of free room that a station's name needs beside the nodes inside it."""


def draw_ct(plane: Plane, title: str, subject: str | None, node_colors: Mapping[int, str]) -> str:
    """Draw the CT of a plane with station and node outlines.

    Args:
        plane: The plane.
        title: What a reader who cannot see the picture is told.
        subject: Name of the station that the picture is about, drawn with a stronger line; ``None`` for all alike.
        node_colors: Of the nodes, by id, as the palette has them; a positive one carries a plus sign.
    """
    picture = _picture(plane, title, _png(_gray(plane)))
    for station in anatomy.stations():
        mask = np.equal(plane.stations, station.label_value)
        if mask.any():
            _add_station(picture, plane, mask, station, strong=station.name == subject)
    _add_nodes(picture, plane, node_colors)
    _add_marks(picture, plane)
    return svg.to_string(picture)


def draw_fused(plane: Plane, title: str, node_colors: Mapping[int, str]) -> str | None:
    """Draw PET over CT with node outlines and an SUV scale; ``None`` for a plane without PET."""
    if plane.suv is None:
        return None
    picture = _picture(plane, title, _png(_fuse(_gray(plane), plane.suv)))
    _add_nodes(picture, plane, node_colors)
    _add_marks(picture, plane)
    labels = tuple(f"{SUV_MAX_SHOWN * fraction:.0f}" for fraction in (0.0, 0.5, 1.0))
    _add_scale(picture, plane, Scale(f"hot-{_slug(title)}", "SUV", "hot", (labels[0], labels[1], labels[2])))
    return svg.to_string(picture)


def draw_evidence(
    plane: Plane, title: str, subject: str, node_colors: Mapping[int, str], scale_title: str
) -> str | None:
    """Draw a station's evidence map over the CT with its outline and nodes; ``None`` for a plane without one.

    Args:
        plane: The plane.
        title: What a reader who cannot see the picture is told.
        subject: Name of the station.
        node_colors: Of the nodes, by id, as the palette has them; a positive one carries a plus sign.
        scale_title: What the values of the map are.
    """
    if plane.evidence is None:
        return None
    picture = _picture(plane, title, _png(_overlaid(_gray(plane), plane.evidence)))
    station = anatomy.station(subject)
    _add_station(picture, plane, np.equal(plane.stations, station.label_value), station, strong=True)
    _add_nodes(picture, plane, node_colors)
    _add_marks(picture, plane)
    name = f"{_slug(scale_title)}-{_slug(title)}"
    _add_scale(picture, plane, Scale(name, scale_title, EVIDENCE_COLORS, ("0", "0.5", "1")))
    return svg.to_string(picture)


def _overlaid(gray: FloatArray, evidence: FloatArray) -> FloatArray:
    height, width = gray.shape
    fine = np.asarray(Image.fromarray(evidence.astype(np.float32)).resize((width, height), Image.Resampling.BILINEAR))
    ramp = (fine - _FAINT_EVIDENCE) / (_OPAQUE_EVIDENCE - _FAINT_EVIDENCE)
    strength = (np.clip(ramp, 0, 1) * _EVIDENCE_OPACITY)[..., None]
    colors = matplotlib.colormaps[EVIDENCE_COLORS](np.clip(fine, 0, 1))[..., :3]
    overlaid: FloatArray = gray[..., None] * (1 - strength) + colors * strength
    return overlaid


def hot(fraction: FloatArray) -> FloatArray:
    """RGB in [0, 1] of matplotlib's "hot" colormap for values in [0, 1]."""
    colors: FloatArray = matplotlib.colormaps["hot"](np.clip(fraction, 0, 1))[..., :3]
    return colors


def _raster_size(plane: Plane) -> tuple[int, int]:
    """Columns and rows of the embedded PNG."""
    height, width = plane.size_mm
    return max(round(width * _PIXELS_PER_MM), 1), max(round(height * _PIXELS_PER_MM), 1)


def _gray(plane: Plane) -> FloatArray:
    """CT through the window, in [0, 1], at the raster's size."""
    low = LEVEL_HU - WINDOW_HU / 2
    # Clipped a little beyond the window first: bone and metal would ring through the bicubic kernel otherwise.
    clipped = np.clip(plane.hu.astype(np.float32), low - WINDOW_HU, low + 2 * WINDOW_HU)
    fine = Image.fromarray(clipped).resize(_raster_size(plane), Image.Resampling.BICUBIC)
    gray: FloatArray = np.clip((np.asarray(fine) - low) / WINDOW_HU, 0, 1)
    return gray


def _fuse(gray: FloatArray, suv: FloatArray) -> FloatArray:
    height, width = gray.shape
    known = np.nan_to_num(suv.astype(np.float32), nan=0.0)
    fine = np.asarray(Image.fromarray(known).resize((width, height), Image.Resampling.BICUBIC))
    strength = (np.clip((fine - _FAINT_SUV) / (_OPAQUE_SUV - _FAINT_SUV), 0, 1) * _PET_OPACITY)[..., None]
    fused: FloatArray = gray[..., None] * (1 - strength) + hot(fine / SUV_MAX_SHOWN) * strength
    return fused


def _png(values: FloatArray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(np.round(values * 255).astype(np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


def _picture(plane: Plane, title: str, png: bytes) -> Element:
    height, width = plane.size_mm
    picture = svg.root(width, height, title)
    svg.add(picture, "image", href=svg.png_uri(png), x=0, y=0, width=width, height=height, preserveAspectRatio="none")
    return picture


def _add_outline(picture: Element, polygons: list[list[svg.SvgPoint]], color: str, width: float) -> None:
    path = "".join(svg.polyline(polygon[:-1], closed=True) for polygon in polygons)
    svg.add(picture, "path", d=path, fill="none", stroke="#000000", stroke_opacity=0.55, stroke_width=width + 0.7)
    svg.add(picture, "path", d=path, fill="none", stroke=color, stroke_width=width)


def _add_label(picture: Element, place: svg.SvgPoint, words: str, color: str, size: float, anchor: str) -> None:
    svg.add_text(
        picture,
        (place[0], place[1] + 0.36 * size),
        words,
        font_size=size,
        font_weight="bold",
        fill=color,
        text_anchor=anchor,
        stroke="#000000",
        stroke_width=size * 0.22,
        stroke_linejoin="round",
        paint_order="stroke",
    )


def _add_station(picture: Element, plane: Plane, mask: BoolArray, station: anatomy.Station, strong: bool) -> None:
    polygons = outlines(mask, plane.pixel_mm, 0.9)
    if not polygons:
        return
    _add_outline(picture, polygons, _hex(station.color), 1.3 if strong else 0.7)
    place, depth = inner_point(mask & (plane.nodes == 0), plane.pixel_mm)
    if depth < _LABEL_ROOM_MM and np.any(plane.nodes[mask]):
        # Nodes leave no room inside: the label goes above the outline.
        points = [point for polygon in polygons for point in polygon]
        place = (sum(x for x, _ in points) / len(points), min(y for _, y in points) - 3.5)
    _add_label(picture, place, station.name, _bright(_hex(station.color)), 6.0 if strong else 4.8, "middle")


def _hex(color: Sequence[int]) -> str:
    return "#{:02x}{:02x}{:02x}".format(*color)


def _bright(color: str) -> str:
    """Lighter, for letters on a dark picture."""
    return _hex([round(255 * (part + (1 - part) * 0.45)) for part in palette.rgb(color)])


def _add_nodes(picture: Element, plane: Plane, node_colors: Mapping[int, str]) -> None:
    width = plane.size_mm[1]
    for node_id in (int(value) for value in np.unique(plane.nodes) if value):
        polygons = outlines(np.equal(plane.nodes, node_id), plane.pixel_mm, 0.6)
        if not polygons:
            continue
        color = node_colors.get(node_id, palette.NOT_ASSESSED)
        _add_outline(picture, polygons, color, 0.9)
        points = [point for polygon in polygons for point in polygon]
        left, right = min(x for x, _ in points), max(x for x, _ in points)
        top = min(y for _, y in points)
        fits = right < width - 18
        words = f"#{node_id} +" if color == palette.POSITIVE else f"#{node_id}"
        place = (right + 1 if fits else left - 1, top)
        _add_label(picture, place, words, _bright(color), 4.6, "start" if fits else "end")


def _add_marks(picture: Element, plane: Plane) -> None:
    """Side marks, scale bar and slice position; the patient's right is on the picture's left in every plane."""
    height, width = plane.size_mm
    _add_label(picture, (6, height / 2), "R", "#ffffff", 10, "middle")
    _add_label(picture, (width - 6, height / 2), "L", "#ffffff", 10, "middle")
    y = height - 5
    bar = f"M4 {svg.decimal(y - 2)}v4m0-2h{svg.decimal(_SCALE_MM)}m0-2v4"
    svg.add(picture, "path", d=bar, fill="none", stroke="#000000", stroke_opacity=0.6, stroke_width=1.8)
    svg.add(picture, "path", d=bar, fill="none", stroke="#ffffff", stroke_width=0.9)
    _add_label(picture, (4 + _SCALE_MM / 2, y - 4.2), "5 cm", "#ffffff", 4.6, "middle")
    axis = "z" if plane.orientation == "axial" else "y"
    minus = "\N{MINUS SIGN}" if round(plane.position_mm, 1) < 0 else ""
    position = f"{axis} = {minus}{abs(plane.position_mm):.1f} mm"
    _add_label(picture, (width - 4, y - 1), position, "#ffffff", 4.6, "end")


def _slug(title: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", title.lower())


@dataclass(frozen=True)
class Scale:
    """A color scale.

    Attributes:
        name: Its id; unique among all pictures, which may stand in one HTML page.
        title: Above it.
        color_map: matplotlib's name.
        labels: At its lower end, middle and upper end.
    """

    name: str
    title: str
    color_map: str
    labels: tuple[str, str, str]


def _add_scale(picture: Element, plane: Plane, scale: Scale) -> None:
    height, width = plane.size_mm
    gradient = svg.add(svg.add(picture, "defs"), "linearGradient", id=scale.name, x1=0, y1=1, x2=0, y2=0)
    for stop in np.linspace(0, 1, 11):
        red, green, blue = (round(channel * 255) for channel in matplotlib.colormaps[scale.color_map](stop)[:3])
        svg.add(gradient, "stop", offset=float(stop), stop_color=f"#{red:02x}{green:02x}{blue:02x}")
    x, y, length = width - 8.0, 12.0, min(50.0, height * 0.3)
    svg.add(
        picture,
        "rect",
        x=x,
        y=y,
        width=4,
        height=length,
        fill=f"url(#{scale.name})",
        stroke="#ffffff",
        stroke_width=0.5,
    )
    for fraction, words in zip((0.0, 0.5, 1.0), scale.labels, strict=True):
        _add_label(picture, (x - 1.5, y + length * (1 - fraction)), words, "#ffffff", 4.2, "end")
    _add_label(picture, (x + 4, y - 5.5), scale.title, "#ffffff", 4.2, "end")
