"""A synthetic patient without images: what is drawn before there is an anatomy, and what follows from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from LNStationLib import anatomy
from LNStationLib.phantom.anatomy.traits import (
    AnatomyTrait,
    Odds,
    PresentTrait,
    check_anatomy,
    draw_names,
    draw_present,
)
from LNStationLib.phantom.anatomy.variation import Contrast
from LNStationLib.phantom.nodes.drawing import draw_nodes, draw_traits
from LNStationLib.phantom.nodes.look_alikes import LookAlike, draw_look_alikes
from LNStationLib.phantom.nodes.node import NodePlan, NodeTruth, node_truth
from LNStationLib.phantom.nodes.pathology import StationPathology, dissect, n_from_images, n_from_pathology
from LNStationLib.phantom.nodes.spread import draw_spread
from LNStationLib.phantom.nodes.tumor import Tumor, draw_tumor
from LNStationLib.phantom.nodes.uptake_model import station_suv_max, with_calls, with_uptake
from LNStationLib.phantom.preset import Preset, SiteRow
from LNStationLib.phantom.scan_traits import Extent, ScanTrait, check_traits

Purpose = Literal["plan", "place", "uptake", "surgery", "anatomy", "bedding", "extent", "traits"]


@dataclass(frozen=True)
class PatientPlan:
    """What is drawn of a patient before there is an anatomy.

    Attributes:
        patient_id: Name of the case.
        preset: Name of the preset.
        seed: The cohort's seed.
        number: The patient's number in the cohort, from 1.
        sex: ``"F"`` or ``"M"``.
        age_years: Whole years.
        has_pet: Whether there is a PET.
        spacing_mm: Voxel size ``(x, y, z)`` of the CT. In the clinical field of view the pixels are larger where 512
            of them would not hold the body.
        contrast: Phase of the CT; nodes are as bright as it makes them.
        tumor: The primary tumor.
        nodes: All nodes.
        look_alikes: Kind and shape of each look-alike.
        field_of_view: ``"clinical"``: 512 x 512 pixels that hold the body and the couch. ``"compact"``: the chest
            alone in as few voxels as ``spacing_mm`` asks for, as the demo and the tests need it. ``"wide"``: as
            few voxels, but all that the bore holds, couch and bedding with it.
        scan_traits: What real scans have and the cohorts do not.
        extent: How much of the body the CT shows.
        anatomy_traits: What patients have and the audited cohorts do not.
    """

    patient_id: str
    preset: str
    seed: int
    number: int
    sex: Literal["F", "M"]
    age_years: int
    has_pet: bool
    spacing_mm: tuple[float, float, float]
    contrast: Contrast
    tumor: Tumor
    nodes: tuple[NodePlan, ...]
    look_alikes: tuple[tuple[str, NodePlan], ...]
    field_of_view: Literal["clinical", "compact", "wide"] = "clinical"
    scan_traits: tuple[ScanTrait, ...] = ()
    extent: Extent = "chest"
    anatomy_traits: tuple[AnatomyTrait, ...] = ()

    def present_traits(self) -> tuple[PresentTrait, ...]:
        """The anatomical traits as this patient has them."""
        return draw_present(self.generator("traits"), self.anatomy_traits)

    def generator(self, purpose: Purpose) -> np.random.Generator:
        """The random generator of one purpose, so that one step's draws never shift another's."""
        return patient_generator(self.seed, self.number, purpose)


@dataclass(frozen=True)
class StationRow:
    """One station of one patient.

    Attributes:
        station: IASLC station.
        n_nodes: Nodes of any size.
        n_visible: Of those, visible.
        n_malignant: Of those, with tumor.
        n_visible_malignant: Visible ones with tumor.
        largest_short_axis_mm: Of its visible nodes; ``None`` where it has none.
        node_suv_max: Highest expected SUVmax of its nodes; ``None`` without PET or nodes.
        station_suv_max: Expected SUVmax of the whole station with the tumor left in; ``None`` without PET.
        call: A reader's call by clinical criteria.
    """

    station: str
    n_nodes: int
    n_visible: int
    n_malignant: int
    n_visible_malignant: int
    largest_short_axis_mm: float | None
    node_suv_max: float | None
    station_suv_max: float | None
    call: bool


@dataclass(frozen=True)
class PatientTruth:
    """All that is true of a patient but the images.

    Attributes:
        plan: What was drawn first; its nodes are those wanted, ``nodes`` those that came to be.
        nodes: Every node.
        look_alikes: What looks like a node and is not.
        stations: One row for every station of the table.
        pathology: One row for every dissected station.
        c_n: N category that imaging shows.
        p_n: N category after surgery.
    """

    plan: PatientPlan
    nodes: tuple[NodeTruth, ...]
    look_alikes: tuple[LookAlike, ...]
    stations: tuple[StationRow, ...]
    pathology: tuple[StationPathology, ...]
    c_n: str
    p_n: str


# A new purpose goes to the end: its place decides its draws.
_PURPOSES: tuple[Purpose, ...] = ("plan", "place", "uptake", "surgery", "anatomy", "bedding", "extent", "traits")


def patient_generator(seed: int, number: int, purpose: Purpose) -> np.random.Generator:
    """A generator that depends on the cohort's seed, the patient and the purpose alone."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(number, _PURPOSES.index(purpose))))


def patient_id(preset: str, seed: int, number: int) -> str:
    """Name of a patient and of its folders."""
    return f"{preset}-{seed}-{number:05d}"


def draw_patient(preset: Preset, seed: int, number: int, site: SiteRow | None = None) -> PatientPlan:
    """Draw a patient of a cohort.

    Args:
        preset: Distributions.
        seed: The cohort's seed.
        number: The patient's number, from 1.
        site: Site of the tumor; drawn where not given.
    """
    rng = patient_generator(seed, number, "plan")
    sex: Literal["F", "M"] = "M" if rng.random() < preset.patients.male_fraction else "F"
    age = round(preset.patients.age_years.draw(rng))
    has_pet = bool(rng.random() < preset.patients.pet_fraction)
    in_plane = round(preset.patients.in_plane_mm.draw(rng), 3)
    slices = preset.patients.slice_mm
    slice_mm = float(rng.choice(list(slices), p=list(slices.values())))
    phases = preset.patients.contrast
    contrast: Contrast = list(phases)[int(rng.choice(len(phases), p=list(phases.values())))]
    tumor = draw_tumor(preset, rng, site)
    involved = draw_spread(preset, tumor, rng)
    nodes = draw_nodes(preset, draw_traits(preset, rng), tumor, involved, rng)
    return PatientPlan(
        patient_id=patient_id(preset.name, seed, number),
        preset=preset.name,
        seed=seed,
        number=number,
        sex=sex,
        age_years=age,
        has_pet=has_pet,
        spacing_mm=(in_plane, in_plane, slice_mm),
        contrast=contrast,
        tumor=tumor,
        nodes=tuple(in_phase(node, contrast) for node in nodes),
        look_alikes=tuple((kind, in_phase(shape, contrast)) for kind, shape in draw_look_alikes(preset, rng)),
    )


def compact(plan: PatientPlan, pixel_mm: float) -> PatientPlan:
    """The same patient with a small CT; slices are at least as thick as pixels are wide."""
    slice_mm = max(plan.spacing_mm[2], pixel_mm)
    return replace(plan, spacing_mm=(pixel_mm, pixel_mm, slice_mm), field_of_view="compact")


_UNENHANCED_HU = 38.0
"""A node's attenuation without contrast medium."""
_ENHANCEMENT = {"venous": 1.0, "arterial": 0.7, "none": 0.1}
"""Part of the enhancement of the venous phase."""


def in_phase(node: NodePlan, contrast: Contrast) -> NodePlan:
    """A node as bright as it is in a phase of contrast, from its attenuation in the venous phase."""
    return replace(node, hu=_UNENHANCED_HU + (node.hu - _UNENHANCED_HU) * _ENHANCEMENT[contrast])


def venous_hu(hu: float, contrast: Contrast) -> float:
    """The attenuation that a node of a phase of contrast would have in the venous phase; see ``in_phase``."""
    return _UNENHANCED_HU + (hu - _UNENHANCED_HU) / _ENHANCEMENT[contrast]


def scanned_with(plan: PatientPlan, traits: Sequence[ScanTrait], extent: Extent = "chest") -> PatientPlan:
    """The same patient scanned with traits of real scans; without contrast the nodes are as bright as then.

    Args:
        plan: The patient.
        traits: Traits of ``scan_traits``; repeated ones count once.
        extent: How much of the body the CT shows.

    Raises:
        ValueError: A trait is unknown, or two exclude each other.
    """
    named = check_traits(traits)
    if "unenhanced" in named and plan.contrast != "none":
        plan = replace(
            plan,
            contrast="none",
            nodes=tuple(_unenhanced(node, plan.contrast) for node in plan.nodes),
            look_alikes=tuple((kind, _unenhanced(shape, plan.contrast)) for kind, shape in plan.look_alikes),
        )
    return replace(plan, scan_traits=named, extent=extent)


def with_anatomy(plan: PatientPlan, traits: Sequence[str]) -> PatientPlan:
    """The same patient with anatomical traits of ``anatomy.traits``.

    Raises:
        ValueError: A trait is unknown, or two exclude each other.
    """
    return replace(plan, anatomy_traits=check_anatomy(traits))


def with_drawn_anatomy(plan: PatientPlan, odds: Odds) -> PatientPlan:
    """The same patient with anatomical traits drawn as often as patients have them, or as training wants them."""
    rng = patient_generator(plan.seed, plan.number, "traits").spawn(1)[0]
    return replace(plan, anatomy_traits=draw_names(rng, odds))


def _unenhanced(node: NodePlan, contrast: Contrast) -> NodePlan:
    return in_phase(replace(node, hu=venous_hu(node.hu, contrast)), "none")


def unplaced(plan: PatientPlan) -> tuple[list[NodeTruth], list[LookAlike]]:
    """Rows of nodes and look-alikes of a patient without images, as planned and without a place."""
    nodes = [node_truth(number, node) for number, node in enumerate(plan.nodes, start=1)]
    others = [LookAlike(kind, shape.station, shape.short_axis_mm, shape.hu) for kind, shape in plan.look_alikes]
    return nodes, others


def complete(
    preset: Preset, plan: PatientPlan, nodes: Sequence[NodeTruth], look_alikes: Sequence[LookAlike]
) -> PatientTruth:
    """Let imaging and surgery follow from the true nodes."""
    uptake = plan.generator("uptake")
    seen = with_calls(with_uptake(nodes, plan.has_pet, uptake), preset.imaging)
    suv = station_suv_max(preset, plan.tumor, seen, uptake)
    rows = dissect(preset, plan.tumor, seen, plan.generator("surgery"))
    return PatientTruth(
        plan=plan,
        nodes=tuple(seen),
        look_alikes=tuple(look_alikes),
        stations=tuple(_station_row(row.name, seen, suv if plan.has_pet else {}) for row in anatomy.stations()),
        pathology=tuple(rows),
        c_n=n_from_images(preset, plan.tumor, seen).category,
        p_n=n_from_pathology(preset, plan.tumor, rows).category,
    )


def _station_row(station: str, nodes: Sequence[NodeTruth], suv: dict[str, float]) -> StationRow:
    inside = [node for node in nodes if node.station == station]
    visible = [node for node in inside if node.visible]
    return StationRow(
        station=station,
        n_nodes=len(inside),
        n_visible=len(visible),
        n_malignant=sum(node.malignant for node in inside),
        n_visible_malignant=sum(node.malignant for node in visible),
        largest_short_axis_mm=max((node.short_axis_mm for node in visible), default=None),
        node_suv_max=max((node.suv_max for node in inside if node.suv_max is not None), default=None),
        station_suv_max=suv.get(station),
        call=any(node.call for node in visible),
    )
