"""What can be chosen about the drawing of a case, and what its colors mean."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from types import UnionType
from typing import Any, Literal, get_args, get_origin, get_type_hints

from LNStationLib.support import palette
from LNStationSlicer.exchange.AssessmentTypes import Call
from LNStationSlicer.views.ColorMaps import COLOR_MAPS, Rgb, colorOf

StationStyle = Literal["outline", "fill", "both"]
StationColor = Literal["anatomy", "probability"]
Foreground = Literal["none", "map", "pet"]

_FORMER_NAMES = {"attentionThreshold": "mapThreshold", "attentionColorMap": "mapColorMap"}
_FORMER_MAP = "attention"
"""What scenes saved by version 0.1 call the voxel map and its options."""

_MAPS = ("mapColorMap", "petColorMap")

PROBABILITY_MAP = "viridis"
NOT_ASSESSED_COLOR: Rgb = palette.rgb(palette.NOT_ASSESSED)


@dataclass(frozen=True)
class OverlayOptions:
    """What is drawn, and how.

    Attributes:
        stationsVisible: Stations in slice views (and in 3D with ``show3D``).
        stationStyle: Outline, fill or both.
        stationColor: By anatomy or by the model's probability; not assessed is gray.
        stationOpacity: In [0, 1].
        namesVisible: Names of the stations in slice views.
        smoothOutlines: Outlines of stations and organs are cut from their smoothed surfaces; nodes show their voxels,
            which is what their sizes are measured on.
        nodesVisible: Node candidates, colored by call. None: unless their method is not fit for staging.
        organsVisible: Organs in slice views, as outlines.
        show3D: Surfaces: nodes opaque, stations faint, and the airway.
        foreground: What lies over the CT, where the case has it: the PET, or the map of voxels that the method gave.
        foregroundOpacity: In [0, 1].
        mapRole: Which of several maps, one of ``MAP_ROLES``; until one is chosen, where a network looked.
        mapThreshold: Share of the map's maximum, in [0, 1], below which nothing is drawn.
        mapColorMap: One of ``COLOR_MAPS``.
        petColorMap: One of ``COLOR_MAPS``.
        petUpperSuv: Value drawn with the highest color.
        petLowerSuv: Lower values are transparent: blood and muscle, which would veil the CT.
        modelHidden: Blind first read: no voxel map, no probability, no nodes.
        highlighted: Station that stands out.
        highlightedNode: Number of the node that stands out.
        leastScore: Node candidates with a lower score of their finder are not drawn.
    """

    stationsVisible: bool = True
    stationStyle: StationStyle = "outline"
    stationColor: StationColor = "anatomy"
    stationOpacity: float = 0.8
    namesVisible: bool = True
    smoothOutlines: bool = False
    nodesVisible: bool | None = None
    organsVisible: bool = False
    show3D: bool = False
    foreground: Foreground = "map"
    foregroundOpacity: float = 0.5
    mapRole: str = ""
    mapThreshold: float = 0.3
    mapColorMap: str = "inferno"
    petColorMap: str = "inferno"
    petUpperSuv: float = 10.0
    petLowerSuv: float = 2.0
    modelHidden: bool = False
    highlighted: str | None = None
    highlightedNode: int | None = None
    leastScore: float = 0.0

    def asDict(self) -> dict[str, Any]:
        """For ``CaseScene.setDisplayState``."""
        return asdict(self)

    @classmethod
    def fromDict(cls, state: Mapping[str, Any]) -> OverlayOptions:
        """From ``CaseScene.displayState``; what it does not say, or says in no way known here, is as by default."""
        current = {_FORMER_NAMES.get(name, name): value for name, value in state.items()}
        if current.get("foreground") == _FORMER_MAP:
            current["foreground"] = "map"
        known = {name: value for name, value in current.items() if name in _HINTS and _fits(_HINTS[name], value)}
        return cls(**{name: value for name, value in known.items() if name not in _MAPS or value in COLOR_MAPS})


_HINTS = get_type_hints(OverlayOptions)
"""Once, and now: later the names in them may be those of a module that was loaded anew."""


def _fits(hint: Any, value: Any) -> bool:
    """Whether a value that was kept is of the type of its field."""
    if isinstance(hint, UnionType):
        return any(_fits(one, value) for one in get_args(hint))
    if get_origin(hint) is Literal:
        return value in get_args(hint)
    return type(value) in ((int, float) if hint is float else (hint,))


def probabilityColor(probability: float | None) -> Rgb:
    """The color of a probability in [0, 1]; gray where nothing was assessed."""
    return NOT_ASSESSED_COLOR if probability is None else colorOf(PROBABILITY_MAP, probability)


def callColor(call: Call | None) -> Rgb:
    """The color of a call; gray where there is none."""
    return palette.rgb(palette.call_color(call))
