"""Stations and nodes as structures: label, code, side, color, and which algorithm drew them.

Segmentation, structured report and structure set all say the same of a structure, so it is said once here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from pydicom.sr.coding import Code
from pydicom.uid import UID

from LNStationLib import anatomy
from LNStationLib.export.dicom.concepts import LYMPH_NODE
from LNStationLib.export.dicom.identity import Identity
from LNStationLib.export.dicom.results import Results
from LNStationLib.nodes.registry import METHODS as NODES
from LNStationLib.state.assessment import NodeFinding, Provenance, SideName, StationFinding
from LNStationLib.state.needs import NODE_MASKS
from LNStationLib.support.errors import InputError
from LNStationLib.support.palette import call_color, rgb

AlgorithmType = Literal["AUTOMATIC", "SEMIAUTOMATIC"]
"""As DICOM PS3.3, C.8.20.2 says it; who drew a supplied mask is not known, so that it is called semiautomatic."""


@dataclass(frozen=True)
class Algorithm:
    """What drew or judged something.

    Attributes:
        name: Step and method.
        version: Of the method, or of the model that it used.
        parameters: Model and training cohort, by what they are.
        learned: It used a trained model.
    """

    name: str
    version: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    learned: bool = False


@dataclass(frozen=True)
class Structure:
    """A station or a node as DICOM names it.

    Attributes:
        value: In its label map.
        label: For people, e.g. ``"Station 4R"``.
        code: Of the structure itself.
        site: Of the station that it is or lies in; ``None`` for a node outside all stations.
        side: The patient's side, or ``None``.
        color: sRGB in [0, 255].
        algorithm_type: Whether a person had a hand in the outline.
        algorithm: What drew it.
        tracking_uid: The same wherever this structure is spoken of.
    """

    value: int
    label: str
    code: anatomy.Code | Code
    site: anatomy.Code | None
    side: SideName | None
    color: anatomy.Color
    algorithm_type: AlgorithmType
    algorithm: Algorithm
    tracking_uid: UID

    @property
    def region(self) -> anatomy.Code | None:
        """The station that a node lies in; ``None`` for a station, which lies in none."""
        return None if self.site is self.code else self.site


def station_structures(results: Results, identity: Identity) -> list[Structure]:
    """Every station of the table in label order, parsed or not."""
    algorithm = algorithm_of(results.assessment.provenance, "stations")
    return [_station(row, algorithm, identity) for row in results.assessment.stations]


def node_structures(results: Results, identity: Identity) -> list[Structure]:
    """Every node by its number."""
    algorithm = algorithm_of(results.assessment.provenance, "nodes")
    return [_node(row, algorithm, identity) for row in results.assessment.nodes]


def algorithm_of(provenance: Sequence[Provenance], step: str) -> Algorithm:
    """What did a step, as its provenance says."""
    row = next((row for row in provenance if row.step == step), None)
    if row is None:
        return Algorithm(f"LNStation {step}: not recorded", "unknown")
    name = f"LNStation {step}: {row.implementation}"
    if row.model_package is None:
        return Algorithm(name, row.version)
    parameters = {
        "model package": row.model_package,
        "weights SHA-256": row.model_sha256,
        "trained on": f"{row.trained_on} patients" if row.trained_on else None,
    }
    known = {what: value for what, value in parameters.items() if value}
    return Algorithm(name, row.model_version or row.version, known, learned=True)


def _station(row: StationFinding, algorithm: Algorithm, identity: Identity) -> Structure:
    entry = anatomy.station(row.station)
    return Structure(
        value=entry.label_value,
        label=f"Station {entry.name}",
        code=entry.code,
        site=entry.code,
        side=entry.side,
        color=entry.color,
        algorithm_type="SEMIAUTOMATIC" if row.edited else "AUTOMATIC",
        algorithm=algorithm,
        tracking_uid=identity.uid("station", entry.name),
    )


def _node(row: NodeFinding, algorithm: Algorithm, identity: Identity) -> Structure:
    station = None if row.station is None else anatomy.station(row.station)
    return Structure(
        value=row.node_id,
        label=f"Node {row.node_id}" + (f" (station {row.station})" if station else ""),
        code=LYMPH_NODE,
        site=None if station is None else station.code,
        side=row.side if station is None or station.side is None else station.side,
        color=_call_color(row),
        algorithm_type=_drawn_by(row.source),
        algorithm=algorithm,
        tracking_uid=identity.uid("node", str(row.node_id)),
    )


def _drawn_by(source: str) -> AlgorithmType:
    """Whether a person may have had a hand in a node method's outlines: in one that takes masks, or is not known."""
    try:
        return "SEMIAUTOMATIC" if NODE_MASKS in NODES.named(source).needs else "AUTOMATIC"
    except InputError:
        return "SEMIAUTOMATIC"


def _call_color(row: NodeFinding) -> tuple[int, int, int]:
    """As in views and report."""
    red, green, blue = (round(255 * part) for part in rgb(call_color(row.call, row.fit_for_staging)))
    return red, green, blue
