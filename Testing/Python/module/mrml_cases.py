"""Small cases in the scene for the tests of the MRML half, and a hand that edits as the Segment Editor does.

Import it only after ``slicer_host.start()``.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from functools import partial
from typing import Any

import numpy as np
import slicer
import vtk
from LNStationSlicer.case.CaseScene import CaseScene
from LNStationSlicer.case.OrganImages import OrganImages
from LNStationSlicer.case.VoxelMaps import MAP_ROLES, mapPieces
from LNStationSlicer.exchange import SegmentMasks
from LNStationSlicer.exchange.VolumeExchange import FLIP, gridMatrix, importVolume, matrixGeometry

from LNStationLib import anatomy
from LNStationLib.worker.volume_files import VolumeGeometry

SHAPE = (24, 40, 48)


def lps_matrix(
    spacing: tuple[float, float, float] = (1.5, 1.25, 3.0),
    axes: np.ndarray | None = None,
    origin: tuple[float, float, float] = (-30.0, -20.0, -40.0),
) -> np.ndarray:
    """Voxel indices to LPS; ``axes`` holds the directions of i, j, k as columns."""
    matrix = np.eye(4)
    matrix[:3, :3] = (np.eye(3) if axes is None else axes) * np.asarray(spacing)
    matrix[:3, 3] = origin
    return matrix


def rotation(degrees: float, axis: int) -> np.ndarray:
    """Rotation about one axis, 3x3."""
    c, s = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    a, b = [i for i in range(3) if i != axis]
    matrix = np.eye(3)
    matrix[[a, b, a, b], [a, b, b, a]] = c, c, -s, s
    return matrix


GRIDS = {
    "anisotropic": lps_matrix(),
    "flipped along x": lps_matrix(axes=np.diag([-1.0, 1.0, 1.0]), origin=(42.0, -20.0, -40.0)),
    "flipped along all": lps_matrix(axes=-np.eye(3), origin=(42.0, 30.0, 32.0)),
    "axes permuted": lps_matrix(axes=np.eye(3)[:, [2, 0, 1]]),
    "oblique": lps_matrix(axes=rotation(17.0, 0) @ rotation(-11.0, 2)),
}


def geometry_of(matrix_lps: np.ndarray) -> VolumeGeometry:
    """The worker's geometry of a matrix to LPS."""
    return matrixGeometry(FLIP @ matrix_lps)


def make_volume(matrix_lps: np.ndarray | None = None, array: np.ndarray | None = None, name: str = "CT") -> Any:
    """A scalar volume in the scene; a ramp of HU where no array is given."""
    if array is None:
        array = np.arange(np.prod(SHAPE), dtype=np.int16).reshape(SHAPE) % 1400 - 1000
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", name)
    importVolume(array, geometry_of(lps_matrix() if matrix_lps is None else matrix_lps), node)
    node.CreateDefaultDisplayNodes()
    return node


def station_array(shape: tuple[int, int, int] = SHAPE) -> np.ndarray:
    """Stations as blocks: 4R and 4L touch along x, 7 lies below them."""
    values = {row.name: row.label_value for row in anatomy.stations()}
    array = np.zeros(shape, dtype=np.uint8)
    array[12:18, 8:20, 8:20] = values["4R"]
    array[12:18, 8:20, 20:32] = values["4L"]
    array[4:10, 10:22, 14:26] = values["7"]
    return array


def node_array(shape: tuple[int, int, int] = SHAPE) -> np.ndarray:
    """Node 1 and the larger node 7 in 4R, node 300 in 7."""
    array = np.zeros(shape, dtype=np.uint16)
    array[13, 9:11, 9:11] = 1
    array[14:17, 14:18, 13:17] = 7
    array[6:8, 12:15, 16:19] = 300
    return array


AORTA, ARCH, TRACHEA = (slice(2, 20), slice(24, 30), slice(20, 28)), (slice(16, 20), slice(24, 30), slice(20, 28)), (
    slice(10, 24), slice(20, 23), slice(22, 26),
)  # fmt: skip
"""Where the organs of ``organ_layers`` are; the arch is part of the aorta."""


def organ_layers(shape: tuple[int, int, int] = SHAPE) -> np.ndarray:
    """Two layers ``[layer, z, y, x]``: aorta and trachea in one, the arch in the other."""
    values = {row.name: row.label_value for row in anatomy.organs()}
    layers = np.zeros((2, *shape), dtype=np.uint8)
    layers[0][TRACHEA] = values["trachea"]
    layers[0][AORTA] = values["aorta"]
    layers[1][ARCH] = values["aortic_arch"]
    return layers


def organ_findings() -> list[dict[str, Any]]:
    """The organs of ``organ_layers`` as an assessment lists them."""
    rows = [("trachea", "image", None), ("aorta", "network", 0.93), ("aortic_arch", "network", 0.93)]
    return [
        {
            "name": name, "title": anatomy.organ(name).title, "source": source, "detail": "", "volume_ml": 1.0,
            "confidence": confidence,
        }
        for name, source, confidence in rows
    ]  # fmt: skip


def make_assessment(matrix_lps: np.ndarray | None = None) -> dict[str, Any]:
    """An assessment of ``station_array`` and ``node_array``: 4R positive, 4L without nodes, 7 nearly positive."""
    matrix = lps_matrix() if matrix_lps is None else matrix_lps
    nodes = [_node(1, "4R", 5.0, None, matrix), _node(7, "4R", 12.0, "positive", matrix)]
    nodes.append(_node(300, "7", 6.0, "negative", matrix))
    staging = {
        "category": "N2", "rules": "tnm8", "is_lower_bound": False, "deciding_stations": ["4R"],
        "positive_stations": ["4R"], "not_assessed_stations": [], "n_positive_nodes": 1,
        "explanation": "4R is positive.", "warnings": [],
    }  # fmt: skip
    case = {
        "case_id": "case", "patient": None, "cancer": "lung", "tumor_side": "L", "tumor_site": None, "sex": None,
        "age_years": None, "study_date": None, "synthetic": True, "ct_size": list(SHAPE[::-1]),
        "ct_spacing_mm": [1.5, 1.25, 3.0],
        "has_pet": False, "pet_tracer": None, "nodes_from": "supplied masks",
    }  # fmt: skip
    return {
        "schema_version": "1.0", "lnstation_version": "0", "created": "2024-01-01T00:00:00+00:00",
        "research_use": "", "case": case, "n_category": "N2", "staging": staging,
        "stations": [_station(row) for row in anatomy.stations()], "nodes": nodes,
        "organs": organ_findings(), "midline": None,
        "provenance": [], "warnings": [],
    }  # fmt: skip


def _station(row: anatomy.Station) -> dict[str, Any]:
    known = {"4R": (2, 0.91, "positive"), "4L": (0, 0.07, "negative"), "7": (1, None, None)}.get(row.name)
    n_nodes, probability, call = known or (None, None, None)
    return {
        "station": row.name, "label_value": row.label_value, "title": row.title, "zone": row.zone, "side": row.side,
        "volume_ml": 4.86 if known else None, "centroid_mm": None, "n_nodes": n_nodes,
        "largest_short_axis_mm": 12.0 if row.name == "4R" else None, "suv_max": None, "probability": probability,
        "call": call, "fit_for_staging": True, "nearly_positive": row.name == "7", "positive_sides": [],
        "reason": "", "borders": [], "edited": False, "warnings": [],
    }  # fmt: skip


def _node(node_id: int, station: str, short_axis: float, call: str | None, matrix: np.ndarray) -> dict[str, Any]:
    voxels = np.argwhere(node_array() == node_id)[:, ::-1]
    centroid = (matrix @ [*voxels.mean(axis=0), 1.0])[:3].tolist()
    return {
        "node_id": node_id, "source": "supplied", "station": station, "station_fraction": 1.0, "side": "R",
        "volume_mm3": 1.0, "short_axis_mm": short_axis, "long_axis_mm": short_axis, "extent_mm": [1.0, 1.0, 1.0],
        "mean_hu": 40.0, "suv_max": None, "suv_mean": None, "suv_peak": None, "centroid_mm": centroid,
        "bounding_box_mm": [centroid, centroid], "call": call, "fit_for_staging": True,
        "probability": None, "reason": "", "warnings": [],
    }  # fmt: skip


def provenance(step: str, **fields: Any) -> dict[str, Any]:
    """How a step was done, in full."""
    row = {
        "step": step, "implementation": step, "version": "0", "seconds": None, "settings": {}, "model_package": None,
        "model_version": None, "model_sha256": None, "trained_on": None, "references": [], "warnings": [],
    }  # fmt: skip
    return row | fields


def make_unconfirmed_assessment() -> dict[str, Any]:
    """The same, but its nodes are candidates of a method that is not fit for staging."""
    assessment = make_assessment()
    for finding in (*assessment["nodes"], *assessment["stations"]):
        finding["fit_for_staging"] = False
    return assessment


def make_case(matrix_lps: np.ndarray | None = None, name: str = "Case", pet: Any = None) -> CaseScene:
    """A case with CT, stations, nodes, assessment and table."""
    matrix = lps_matrix() if matrix_lps is None else matrix_lps
    case = CaseScene.create(slicer.mrmlScene, make_volume(matrix, name=f"CT of {name}"), pet, name)
    case.setAssessment(make_assessment(matrix))
    case.setStations(station_array(), geometry_of(matrix))
    case.setNodes(node_array(), geometry_of(matrix))
    set_organs(case, list(organ_layers()), matrix)
    return case


def set_organs(
    case: CaseScene, layers: Sequence[np.ndarray], matrix_lps: np.ndarray | None = None, only: Any = None
) -> None:
    """Show organs, as an assessment does; some alone, as an edit does."""
    geometry = geometry_of(lps_matrix() if matrix_lps is None else matrix_lps)
    images = OrganImages(case.ctNode())
    for piece in images.pieces([partial(lambda layer: (layer, geometry), layer) for layer in layers]):
        piece()
    case.setOrgans(images.byOrgan, only)


def set_map(case: CaseScene, array: np.ndarray | None, geometry: VolumeGeometry | None = None) -> None:
    """Give a case a map of voxels, as an assessment does; None takes it away."""

    def read() -> Generator[None, None, tuple[Any, Any]]:
        yield
        return array, geometry

    for piece in mapPieces(case, MAP_ROLES[0], None if array is None else read):
        piece()


class Editor:
    """Edits a segmentation through Slicer's own editor logic, with its undo."""

    def __init__(self, segmentation_node: Any, volume_node: Any, overwrite: bool = True):
        self.node, self.volume = segmentation_node, volume_node
        parameters = slicer.vtkMRMLSegmentEditorNode()
        slicer.mrmlScene.AddNode(parameters)
        parameters.SetOverwriteMode(parameters.OverwriteAllSegments if overwrite else parameters.OverwriteNone)
        self.logic = slicer.vtkSlicerSegmentEditorLogic()
        self.logic.SetMRMLScene(slicer.mrmlScene)
        self.logic.SetSegmentEditorNode(parameters)
        self.logic.SetSegmentationNode(segmentation_node)
        self.logic.SetSourceVolumeNode(volume_node)

    def paint(self, segment_id: str, box: tuple[slice, slice, slice]) -> None:
        """Add a box ``[z, y, x]`` of the volume's grid to a segment, as one stroke that can be undone."""
        self._modify(segment_id, box, self.logic.ModificationModeAdd)

    def erase(self, segment_id: str, box: tuple[slice, slice, slice]) -> None:
        """Take a box of the volume's grid from a segment."""
        self._modify(segment_id, box, self.logic.ModificationModeRemove)

    def _modify(self, segment_id: str, box: tuple[slice, slice, slice], mode: int) -> None:
        self.logic.SetCurrentSegmentID(segment_id)
        self.logic.SaveStateForUndo()
        shape = self.volume.GetImageData().GetDimensions()[::-1]
        mask = np.zeros(shape, dtype=np.uint8)
        mask[box] = 1
        modifier = SegmentMasks.labelImage(mask, gridMatrix(self.volume), box)
        self.logic.ModifySegmentByLabelmap(self.node, segment_id, modifier, mode, False, False)

    def undo(self) -> None:
        """Undo the last stroke."""
        self.logic.Undo()

    def redo(self) -> None:
        """Do the last undone stroke again."""
        self.logic.Redo()


class Clock:
    """Stands in for the timer of ``StationEditing``: nothing happens until the test says that time is over."""

    def __init__(self) -> None:
        self.waiting: list[Callable[[], None]] = []

    def __call__(self, callback: Callable[[], None], milliseconds: int) -> None:
        self.waiting.append(callback)

    def pass_by(self) -> None:
        """All delays are over."""
        waiting, self.waiting = self.waiting, []
        for callback in waiting:
            callback()


def hierarchy() -> Any:
    """The subject hierarchy of the scene."""
    return slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)


def names_in_folder(case: CaseScene) -> set[str]:
    """Roles of all nodes in the folder of a case."""
    ids = vtk.vtkIdList()
    hierarchy().GetItemChildren(case.folderItem(), ids, True)
    return {
        hierarchy().GetItemDataNode(ids.GetId(i)).GetAttribute("LNStation.role") for i in range(ids.GetNumberOfIds())
    }
