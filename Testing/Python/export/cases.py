"""Small synthetic cases for the report's tests: a body with lungs and trachea, stations and nodes as balls."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import SimpleITK as sitk
from assessed_cases import assessed_case

from LNStationLib import anatomy
from LNStationLib.case.case import Case
from LNStationLib.imaging.grid import Grid
from LNStationLib.state.assessed_case import AssessedCase
from LNStationLib.state.assessment import (
    Assessment,
    BorderFinding,
    CaseSummary,
    NodeFinding,
    NStaging,
    OrganFinding,
    Provenance,
    StationFinding,
)
from LNStationLib.state.evidence import StationEvidence

# LPS centers (x, y, z) in mm and radius; +x is the patient's left.
STATIONS: dict[str, tuple[float, float, float, float]] = {
    "2R": (-12, -8, 60, 9),
    "2L": (14, -2, 58, 7),
    "4R": (-14, -6, 32, 11),
    "4L": (14, -2, 30, 7),
    "3A": (0, -42, 38, 10),
    "3P": (0, 30, 42, 6),
    "5": (32, -10, 22, 8),
    "6": (34, -32, 34, 9),
    "7": (0, 6, -6, 12),
    "8": (4, 26, -34, 9),
    "10R": (-36, 4, 0, 9),
    "10L": (38, 4, 0, 9),
}
NODES: dict[int, tuple[str, float, float, float, float]] = {
    1: ("4R", -15, -6, 32, 6.5),
    2: ("7", 1, 7, -6, 5),
    3: ("10L", 38, 4, 0, 3),
}
POSITIVE = {"4R": [], "7": ["R"]}
NEGATIVE = ("2R", "2L", "10L")
EXTENT_MM = (220.0, 160.0, 180.0)


@dataclass(frozen=True)
class Frame:
    """How the synthetic CT is stored: direction cosines (columns are the axes i, j, k) and spacing."""

    direction: tuple[float, ...] = (1, 0, 0, 0, 1, 0, 0, 0, 1)
    spacing: tuple[float, float, float] = (2.0, 2.0, 4.0)


def reference_image(frame: Frame) -> sitk.Image:
    """An empty image of that frame, centered on LPS (0, 0, 10)."""
    direction = np.array(frame.direction, float).reshape(3, 3)
    reach = np.abs(direction).T @ np.array(EXTENT_MM)
    size = [round(mm / step) for mm, step in zip(reach, frame.spacing, strict=True)]
    image = sitk.Image(size, sitk.sitkUInt8)
    image.SetSpacing(frame.spacing)
    image.SetDirection([float(v) for v in direction.ravel()])
    middle = direction @ ((np.array(size) - 1) / 2 * np.array(frame.spacing))
    image.SetOrigin([float(v) for v in np.array([0.0, 0.0, 10.0]) - middle])
    return image


def positions(image: sitk.Image) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """LPS x, y, z of every voxel as arrays ``[k, j, i]``."""
    k, j, i = np.indices(image.GetSize()[::-1]).astype(float)
    steps = np.array(image.GetDirection()).reshape(3, 3) * np.array(image.GetSpacing())
    return tuple(  # type: ignore[return-value]
        image.GetOrigin()[axis] + steps[axis, 0] * i + steps[axis, 1] * j + steps[axis, 2] * k for axis in range(3)
    )


def image_of(array: np.ndarray, reference: sitk.Image) -> sitk.Image:
    """Wrap an array ``[k, j, i]`` with the reference's geometry."""
    image = sitk.GetImageFromArray(array)
    image.CopyInformation(reference)
    return image


def ct_image(frame: Frame, *, bright_right: bool = False) -> sitk.Image:
    """CT with body, lungs and trachea; with ``bright_right`` a bone-like ball on the patient's right of all else."""
    reference = reference_image(frame)
    x, y, z = positions(reference)
    hu = np.full(x.shape, -1000.0)
    hu[(x / 105) ** 2 + (y / 72) ** 2 < 1] = 30
    for side in (-1, 1):
        lung = ((x - side * 62) / 36) ** 2 + (y / 52) ** 2 + ((z - 5) / 90) ** 2 < 1
        hu[lung] = -820
    hu[(x**2 + (y - 10) ** 2 < 81) & (z > 8)] = -980
    if bright_right:
        hu[:] = -1000
        hu[(x + 50) ** 2 + (y + 30) ** 2 < 12**2] = 1000
    return image_of(hu.astype(np.int16), reference)


def ball_labels(image: sitk.Image, balls: dict[int, tuple[float, float, float, float]], dtype: type) -> sitk.Image:
    """Label map with one ball per value."""
    x, y, z = positions(image)
    labels = np.zeros(x.shape, dtype)
    for value, (cx, cy, cz, radius) in balls.items():
        labels[(x - cx) ** 2 + (y - cy) ** 2 + (z - cz) ** 2 <= radius**2] = value
    return image_of(labels, image)


def pet_image() -> sitk.Image:
    """PET in SUVbw on its own grid: background 0.8, the nodes hot."""
    reference = reference_image(Frame(spacing=(4.0, 4.0, 4.0)))
    x, y, z = positions(reference)
    suv = np.where((x / 105) ** 2 + (y / 72) ** 2 < 1, 0.8, 0.05)
    for _, cx, cy, cz, radius in NODES.values():
        suv += 8 * np.exp(-((x - cx) ** 2 + (y - cy) ** 2 + (z - cz) ** 2) / (2 * radius**2))
    return image_of(suv.astype(np.float32), reference)


@dataclass(frozen=True)
class Options:
    """What differs between the test cases."""

    frame: Frame = field(default_factory=Frame)
    case_id: str = "case-042"
    pet: bool = False
    synthetic: bool = False
    trained_on_synthetic: bool = False
    findings: bool = True
    staging: NStaging | None = None
    bright_right: bool = False
    attention: bool = False


def make_result(options: Options | None = None) -> AssessedCase:
    """A result with positive, negative, not assessed and not parsed stations, nodes and warnings."""
    options = options or Options()
    ct = ct_image(options.frame, bright_right=options.bright_right)
    stations = {anatomy.station(name).label_value: ball for name, ball in STATIONS.items()}
    nodes = {node: ball[1:] for node, ball in NODES.items()} if options.findings else {}
    trachea = {anatomy.organ("trachea").label_value: (0.0, 10.0, 10.0, 9.0)}
    case = Case(options.case_id, ct, pet=pet_image() if options.pet else None, synthetic=options.synthetic)
    return assessed_case(
        attention=evidence_maps() if options.attention else {},
        assessment=make_assessment(options, ct),
        case=case,
        stations=ball_labels(ct, stations, np.uint8),
        nodes=ball_labels(ct, nodes, np.uint16),
        organs=ball_labels(ct, trachea, np.uint8),
    )


PROBABILITIES = {"4R": 0.83, "7": 0.61, "10L": 0.07, "2R": 0.12, "2L": 0.0}
THRESHOLD = 0.4


def evidence_maps() -> dict[str, StationEvidence]:
    """For each judged station a coarse map with its peak in the attention voxel that holds the ball's center."""
    maps = {}
    for name in PROBABILITIES:
        x, y, z, _ = next((node[1:] for node in NODES.values() if node[0] == name), STATIONS[name])
        # The peak's voxel is off the map's middle, so that a flipped axis shows.
        grid = Grid((8, 12, 12), (20.0, 6.4, 6.4), (z - 20.0 * 3, y - 6.4 * 4, x - 6.4 * 7))
        values = np.full(grid.shape, 0.01, np.float32)
        values[3, 4, 7] = 1
        maps[name] = StationEvidence(values / values.sum(), grid)
    return maps


def make_assessment(options: Options, ct: sitk.Image) -> Assessment:
    """The assessment that goes with the synthetic images."""
    staging = options.staging or NStaging(
        category="N2",
        rules="tnm8",
        deciding_stations=["4R", "7"],
        positive_stations=["4R", "7"],
        not_assessed_stations=["1R", "1L", "9"],
        n_positive_nodes=2,
        explanation="metastasis in the ipsilateral mediastinal station 4R and the subcarinal station 7",
    )
    return Assessment(
        lnstation_version="0.1.0",
        created="2025-03-01T10:20:30Z",
        case=CaseSummary(
            case_id=options.case_id,
            cancer="lung",
            tumor_side="R",
            tumor_site="right upper lobe",
            sex="F",
            age_years=64,
            synthetic=options.synthetic,
            ct_size=ct.GetSize(),
            ct_spacing_mm=ct.GetSpacing(),
            has_pet=options.pet,
            nodes_from="supplied masks" if options.findings else "none",
        ),
        n_category=staging.category,
        staging=staging,
        stations=[station_finding(row, options) for row in anatomy.stations()],
        nodes=[node_finding(node, options.pet) for node in NODES] if options.findings else [],
        organs=[
            OrganFinding(name="trachea", title="trachea", source="image", detail="air tree", volume_ml=42.3),
            OrganFinding(
                name="azygos_arch",
                title="azygos arch",
                source="surrogate",
                detail="above the right main bronchus",
                volume_ml=1.9,
            ),
        ],
        provenance=_provenance(options),
        warnings=["The CT ends 12 mm above the diaphragm, so station 9 is cut"],
    )


def station_finding(row: anatomy.Station, options: Options) -> StationFinding:
    """The finding of one station: parsed where the images hold it."""
    ball = STATIONS.get(row.name)
    if ball is None:
        return StationFinding(
            station=row.name,
            label_value=row.label_value,
            title=row.title,
            zone=row.zone,
            side=row.side,
            reason="the station could not be parsed",
            warnings=["not parsed: the CT does not show its upper border"],
        )
    held = [node for node, entry in NODES.items() if entry[0] == row.name] if options.findings else []
    call = None
    if options.findings:
        call = "positive" if row.name in POSITIVE else "negative" if row.name in NEGATIVE else None
    axis = max((2 * NODES[node][4] for node in held), default=None)
    return StationFinding(
        station=row.name,
        label_value=row.label_value,
        title=row.title,
        zone=row.zone,
        side=row.side,
        volume_ml=4.19e-3 * ball[3] ** 3,
        centroid_mm=ball[:3],
        n_nodes=len(held) if options.findings else None,
        largest_short_axis_mm=axis,
        suv_max=7.9 if options.pet and held else None,
        probability=PROBABILITIES.get(row.name) if options.attention else None,
        attention_in_nodes=0.62 if options.attention and row.name in PROBABILITIES and held else None,
        attention_node=held[0] if options.attention and row.name in PROBABILITIES and held else None,
        call=call,
        positive_sides=POSITIVE.get(row.name, []) if call == "positive" else [],
        reason=f"largest short axis {axis:.1f} mm" if axis else "no node that could be measured",
        borders=[
            BorderFinding(border="upper", rests_on="caudal margin of the brachiocephalic vein", surrogate=False),
            BorderFinding(border="lower", rests_on="upper rim of the main bronchus", surrogate=row.name == "4R"),
        ],
        warnings=["one border rests on a surrogate"] if row.name in ("4R", "10R") else [],
    )


def node_finding(node: int, with_pet: bool) -> NodeFinding:
    """The measured finding of one ball-shaped node."""
    station, x, y, z, radius = NODES[node]
    return NodeFinding(
        node_id=node,
        source="supplied",
        station=station,
        station_fraction=0.97,
        side="L" if x >= 0 else "R",
        volume_mm3=4.19 * radius**3,
        short_axis_mm=2 * radius,
        long_axis_mm=2 * radius + 1,
        extent_mm=(2 * radius,) * 3,
        mean_hu=31.4,
        suv_max=7.9 if with_pet else None,
        suv_mean=5.1 if with_pet else None,
        suv_peak=6.8 if with_pet else None,
        centroid_mm=(x, y, z),
        bounding_box_mm=((x - radius, y - radius, z - radius), (x + radius, y + radius, z + radius)),
        call="positive" if 2 * radius >= 10 else "negative",
        reason=f"short axis {2 * radius:.1f} mm against a threshold of 10 mm",
    )


def _provenance(options: Options) -> list[Provenance]:
    return [
        Provenance(step="input", implementation="nifti", version="0.1.0", seconds=1.2),
        Provenance(
            step="stations",
            implementation="iaslc_rules",
            version="0.1.0",
            seconds=3.4,
            settings={"working_spacing_mm": 1.5},
            references=["Rusch VW et al. J Thorac Oncol 2009;4:568-577."],
        ),
        Provenance(
            step="metastasis",
            implementation="clinical_criteria",
            version="0.1.0",
            seconds=0.1,
            settings={"operating_point": "balanced", "threshold": THRESHOLD}
            if options.attention
            else {"short_axis_threshold_mm": 10.0, "suv_max_threshold": 4.0},
            model_package="sa-moe 1.0" if options.trained_on_synthetic else None,
            trained_on="synthetic" if options.trained_on_synthetic else None,
            references=["Eisenhauer EA et al. RECIST 1.1. Eur J Cancer 2009;45:228-247."],
        ),
    ]
