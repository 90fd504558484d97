"""Sequential color maps that stay readable with any color vision, as tables and as MRML color nodes.

Their lightness rises evenly, so they also read in gray. Values: matplotlib 3, sampled at 17 even places and
interpolated (viridis, inferno, magma: van der Walt and Smith 2015; cividis: Nuñez et al. 2018,
doi:10.1371/journal.pone.0199239). The last two are what PET is read in: black on white alone, hot iron over the CT.
"""

from __future__ import annotations

import numpy as np
import slicer

from LNStationSlicer.case.CaseScene import CaseScene

Rgb = tuple[float, float, float]

_SAMPLES = {
    "inferno": "000004 0b0724 210c4a 3d0965 57106e 71196e 8a226a a32c61 bc3754 d24644 e45a31 f1731d f98e09 fcac11 "
    "f9cb35 f2ea69 fcffa4",
    "viridis": "440154 48186a 472d7b 424086 3b528b 33638d 2c728e 26828e 21918c 1fa088 28ae80 3fbc73 5ec962 84d44b "
    "addc30 d8e219 fde725",
    "cividis": "00224e 002e6a 1a386f 32436d 434e6c 535a6d 61656f 6f7073 7d7c78 8c8878 9b9476 aba072 bcae6c cdbb63 "
    "dec958 f0d846 fee838",
    "magma": "000004 0a0822 1d1147 36106b 51127c 6a1c81 832681 9c2e7f b73779 d0416f e75263 f56b5c fc8961 fea772 "
    "fec488 fde2a3 fcfdbf",
    "gray inverted": "ffffff 000000",
    "hot": "0b0000 ff0000 ffff00 ffffff",
}
COLOR_MAPS: tuple[str, ...] = tuple(_SAMPLES)

N_COLORS = 256


def colorTable(name: str, count: int = N_COLORS) -> np.ndarray:
    """The colors of a map from lowest to highest, float ``[count, 3]`` in [0, 1].

    Raises:
        ValueError: There is no such map.
    """
    if name not in _SAMPLES:
        raise ValueError(f"no color map {name!r}; there are {', '.join(COLOR_MAPS)}")
    samples = np.array([list(bytes.fromhex(color)) for color in _SAMPLES[name].split()]) / 255.0
    places = np.linspace(0.0, 1.0, count)
    return np.stack(
        [np.interp(places, np.linspace(0.0, 1.0, len(samples)), channel) for channel in samples.T], axis=1
    )


def colorOf(name: str, value: float) -> Rgb:
    """The color of a value in [0, 1]; values beyond take the ends."""
    table = colorTable(name)
    r, g, b = table[round(min(max(value, 0.0), 1.0) * (N_COLORS - 1))].tolist()
    return r, g, b


def caseColors(case: CaseScene, role: str, title: str, name: str) -> slicer.vtkMRMLColorTableNode:
    """A case's color table of a role, showing a map; made where it has none.

    Args:
        case: The case.
        role: From ``colorsRole``.
        title: What the user reads in lists of color tables.
        name: One of ``COLOR_MAPS``.
    """
    node = case.makeNode(role, "vtkMRMLColorTableNode", title)
    fillColorNode(node, name)
    return node


def fillColorNode(colorNode: slicer.vtkMRMLColorTableNode, name: str) -> None:
    """Make a color table node show a map; it fires once."""
    if colorNode.GetAttribute("LNStation.colorMap") == name:
        return
    modified = colorNode.StartModify()
    colorNode.SetTypeToUser()
    colorNode.SetNumberOfColors(N_COLORS)
    for index, (r, g, b) in enumerate(colorTable(name)):
        colorNode.SetColor(index, str(index), r, g, b, 1.0)
    colorNode.SetAttribute("LNStation.colorMap", name)
    colorNode.EndModify(modified)
