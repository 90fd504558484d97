"""Reading drawings back, for the tests: the embedded picture, texts and paths of an SVG."""

from __future__ import annotations

import base64
import io
import re
from xml.etree import ElementTree

import numpy as np
from PIL import Image

NAMESPACE = "{http://www.w3.org/2000/svg}"


def raster(svg: str) -> np.ndarray:
    """Pixels of the PNG inside a picture, ``[row, column]`` or ``[row, column, rgb]``."""
    href = next(ElementTree.fromstring(svg).iter(f"{NAMESPACE}image")).attrib["href"]
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(href.partition(",")[2]))))


def size(svg: str) -> tuple[float, float]:
    """Width and height in user units."""
    values = ElementTree.fromstring(svg).attrib["viewBox"].split()
    return float(values[2]), float(values[3])


def texts(svg: str) -> dict[str, tuple[float, float]]:
    """Every text with its position."""
    elements = ElementTree.fromstring(svg).iter(f"{NAMESPACE}text")
    return {element.text or "": (float(element.attrib["x"]), float(element.attrib["y"])) for element in elements}


def outline_of_color(svg: str, color: str) -> np.ndarray:
    """All points ``(x, y)`` of the straight-line paths in a color."""
    paths = [
        element.attrib["d"]
        for element in ElementTree.fromstring(svg).iter(f"{NAMESPACE}path")
        if element.attrib.get("stroke") == color
    ]
    return np.array([float(value) for value in re.findall(r"-?[\d.]+", " ".join(paths))]).reshape(-1, 2)
