"""Small SVG helpers: elements are built as a tree, so no text can ever become markup."""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from xml.etree import ElementTree

SvgPoint = tuple[float, float]

FONT = "DejaVu Sans, Verdana, Arial, sans-serif"


def root(width: float, height: float, title: str) -> ElementTree.Element:
    """Root element of a drawing whose user units run from 0 to ``width`` and 0 to ``height``."""
    element = ElementTree.Element(
        "svg",
        {
            "xmlns": "http://www.w3.org/2000/svg",
            "viewBox": f"0 0 {decimal(width)} {decimal(height)}",
            "width": decimal(width),
            "height": decimal(height),
            "role": "img",
            "font-family": FONT,
        },
    )
    ElementTree.SubElement(element, "title").text = title
    return element


def add(parent: ElementTree.Element, tag: str, **attributes: str | float) -> ElementTree.Element:
    """Append an element; ``stroke_width`` becomes ``stroke-width`` and numbers get two decimals."""
    named = {
        key.rstrip("_").replace("_", "-"): decimal(value) if isinstance(value, int | float) else value
        for key, value in attributes.items()
    }
    return ElementTree.SubElement(parent, tag, named)


def add_text(
    parent: ElementTree.Element, position: SvgPoint, words: str, **attributes: str | float
) -> ElementTree.Element:
    """Append a text element at ``position``."""
    element = add(parent, "text", x=position[0], y=position[1], **attributes)
    element.text = words
    return element


def to_string(element: ElementTree.Element) -> str:
    """Serialize without XML declaration, so that the result can stand inside HTML too."""
    return ElementTree.tostring(element, encoding="unicode")


def png_uri(png: bytes) -> str:
    """A PNG as data URI."""
    return "data:image/png;base64," + base64.b64encode(png).decode("ascii")


def decimal(value: float) -> str:
    """A number with at most two decimals, never in exponent form."""
    return f"{value:.2f}".rstrip("0").rstrip(".") if value else "0"


def polyline(points: Sequence[SvgPoint], *, closed: bool) -> str:
    """Path data of straight segments."""
    body = "L".join(f"{decimal(x)} {decimal(y)}" for x, y in points)
    return f"M{body}{'Z' if closed else ''}"


def smooth(points: Sequence[SvgPoint], *, closed: bool) -> str:
    """Path data of the cubic Bezier curve through ``points`` (uniform Catmull-Rom spline)."""
    count = len(points)

    def at(index: int) -> SvgPoint:
        return points[index % count] if closed else points[min(max(index, 0), count - 1)]

    parts = [f"M{decimal(points[0][0])} {decimal(points[0][1])}"]
    for i in range(count if closed else count - 1):
        before, start, end, after = at(i - 1), at(i), at(i + 1), at(i + 2)
        first = (start[0] + (end[0] - before[0]) / 6, start[1] + (end[1] - before[1]) / 6)
        second = (end[0] - (after[0] - start[0]) / 6, end[1] - (after[1] - start[1]) / 6)
        parts.append("C" + " ".join(f"{decimal(x)} {decimal(y)}" for x, y in (first, second, end)))
    return "".join(parts) + ("Z" if closed else "")


def with_own_ids(drawing: str, prefix: str) -> str:
    """The drawing with other ids, so that it may stand a second time on one page."""
    return re.sub(r'(\bid="|url\(#|href="#)', rf"\1{prefix}-", drawing)
