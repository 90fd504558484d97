"""Four named patients, each with a story, for the demo, for tests and for teaching: as plans, cases and folders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np

from LNStationLib import anatomy
from LNStationLib.case.case import Case
from LNStationLib.phantom.anatomy.traits import AnatomyTrait
from LNStationLib.phantom.case import Organs, PhantomCase, render
from LNStationLib.phantom.nodes.drawing import NodeTraits, draw_node, draw_nodes
from LNStationLib.phantom.nodes.look_alikes import draw_look_alikes
from LNStationLib.phantom.nodes.node import NodePlan
from LNStationLib.phantom.nodes.tumor import Tumor, draw_tumor
from LNStationLib.phantom.patient import PatientPlan, patient_generator, scanned_with, with_anatomy
from LNStationLib.phantom.preset import Preset, load_preset
from LNStationLib.phantom.preset_change import PresetChange
from LNStationLib.phantom.rendering import write_rendered
from LNStationLib.phantom.scan_traits import Extent, ScanTrait
from LNStationLib.support.types import PointMm

SampleName = Literal["lung-n2", "lung-n0-reactive", "esophagus-middle", "esophagus-clear-signs"]
SAMPLE_NAMES: tuple[SampleName, ...] = ("lung-n2", "lung-n0-reactive", "esophagus-middle", "esophagus-clear-signs")
CLEAR_SIGNS = PresetChange(sign_strength=4.0, reactive_patient_fraction=0.5, reactive_size_factor=1.5)
"""What the cohort of the shipped model package changes of the esophagus preset (Training/README.md)."""


_DEMO_TRAITS: dict[str, str] = {"contrast": "venous", "arms": "up", "kernel": "soft", "arch": "normal"}
"""What the demo's patient is rather than drawn, so that every seed shows the same scan."""


@dataclass(frozen=True)
class _Spot:
    """A node of the demo with its place."""

    station: str
    center_mm: PointMm
    short_axis_mm: float
    elongation: float
    direction: PointMm
    suv: float | None = None


_DEMO_SPOTS = (
    _Spot("4R", (-19, -4, 26), 14, 1.25, (0.2, 0.2, 1), 8.5),
    _Spot("7", (3, 22, -14), 10.4, 1.05, (1, 0.1, -0.1), 10.0),
    _Spot("10R", (-37, -6, -26), 11.2, 1.05, (0.3, 0.2, 1), 11.0),
    _Spot("1R", (-44, -14, 96), 6, 1.4, (1, 0.2, 0.2)),
    _Spot("1L", (44, -16, 96), 5.5, 1.5, (1, 0.2, 0.2)),
    _Spot("2R", (-18, -10, 62), 6.5, 1.3, (0, 0.1, 1)),
    _Spot("2L", (19, -2, 62), 5.2, 1.4, (0, 0.1, 1)),
    _Spot("3A", (2, -48, 24), 6, 1.5, (1, 0, 0.4)),
    _Spot("4R", (-12, -12, 14), 7, 1.3, (0.5, 0.2, 1)),
    _Spot("4L", (14, 9, 8), 6, 1.4, (0.1, 0.6, 1)),
    _Spot("5", (38, 12, 14), 7.5, 1.4, (0.2, 1, 0.1)),
    _Spot("6", (28, -24, 35), 6, 1.4, (0.6, 1, 0.1)),
    _Spot("8", (14, 30, -62), 5.2, 1.5, (0, 0.1, 1)),
    _Spot("9", (-22, 34, -84), 5.2, 1.4, (0, 0.1, 1)),
    _Spot("10L", (42, 22, -17), 6.5, 1.3, (0.6, 0, -0.6)),
    _Spot("11R", (-34, 26, -28), 6, 1.3, (0, 0.2, 1)),
    _Spot("11L", (50, 26, -34), 5.5, 1.3, (0, 0.2, 1)),
)
"""Metastases in 4R, 7 and 10R, clear in size and uptake; normal nodes everywhere else."""


def sample_plan(name: SampleName, seed: int = 0) -> PatientPlan:
    """The plan of a named patient; another seed gives another body with the same story."""
    if name == "lung-n2":
        return demo_plan(seed)
    preset = load_preset("lung" if name == "lung-n0-reactive" else "esophagus")
    rng = patient_generator(seed, 0, "plan")
    if name == "esophagus-middle":
        tumor = draw_tumor(preset, rng, preset.site("middle third"))
        return _drawn(name, seed, preset, tumor, {"7": 1, "8": 2, "2R": 1}, NodeTraits(False, False), rng)
    if name == "esophagus-clear-signs":
        preset = CLEAR_SIGNS.applied(preset)
        tumor = draw_tumor(preset, rng, preset.site("lower third"))
        traits = NodeTraits(reactive=True, granulomatous=False)
        plan = _drawn(name, seed, preset, tumor, {"7": 2, "8": 1, "4R": 1}, traits, rng)
        return replace(plan, spacing_mm=(0.9, 0.9, 2.5), field_of_view="compact")
    tumor = draw_tumor(preset, rng, preset.site("left lower lobe"))
    return _drawn(name, seed, preset, tumor, {}, NodeTraits(reactive=True, granulomatous=True), rng)


def _drawn(
    name: SampleName,
    seed: int,
    preset: Preset,
    tumor: Tumor,
    involved: Mapping[str, int],
    traits: NodeTraits,
    rng: np.random.Generator,
) -> PatientPlan:
    usual = replace(
        tumor, diameter_mm=preset.tumor.diameter_mm.median, suv=preset.tumor.suv.median, weakly_avid=False
    )
    return PatientPlan(
        patient_id=name,
        preset=preset.name,
        seed=seed,
        number=0,
        sex="M" if preset.name == "esophagus" else "F",
        age_years=round(preset.patients.age_years.mean),
        has_pet=preset.name == "lung",
        spacing_mm=(0.9, 0.9, 3.0),
        contrast="venous",
        tumor=usual,
        nodes=tuple(draw_nodes(preset, traits, usual, involved, rng)),
        look_alikes=tuple(draw_look_alikes(preset, rng)),
    )


def demo_plan(seed: int = 0) -> PatientPlan:
    """A patient with lung cancer of the right upper lobe and metastases in 4R, 7 and 10R (N2), with PET."""
    preset, rng = load_preset("lung"), patient_generator(seed, 0, "plan")
    site = preset.site("right upper lobe")
    center = (-72.0, 2.0, 20.0)
    tumor = Tumor("lung", site.name, site.side, center, 36.0, 9.0, False, int(rng.integers(2**31)))
    return PatientPlan(
        patient_id="lung-n2",
        preset=preset.name,
        seed=seed,
        number=0,
        sex="M",
        age_years=66,
        has_pet=True,
        spacing_mm=(0.9, 0.9, 3.0),
        contrast="venous",
        tumor=tumor,
        nodes=tuple(_demo_node(preset, tumor, spot, rng) for spot in _DEMO_SPOTS),
        look_alikes=(),
    )


def _demo_node(preset: Preset, tumor: Tumor, spot: _Spot, rng: np.random.Generator) -> NodePlan:
    """The look is drawn, size, place and uptake are set."""
    side = anatomy.station(spot.station).side or ("R" if spot.center_mm[0] < 0 else "L")
    malignant = spot.suv is not None
    drawn = draw_node(
        preset, NodeTraits(False, False), tumor, spot.station, None if spot.station == "7" else side, malignant, rng
    )
    size = spot.short_axis_mm * float(rng.uniform(0.95, 1.05))
    return replace(
        drawn,
        micrometastasis=False,
        short_axis_mm=size,
        elongation=spot.elongation,
        flatness=1 + (spot.elongation - 1) * 0.3,
        direction=spot.direction,
        n_lobes=1,
        necrosis_fraction=0.0,
        hu=max(drawn.hu, 50.0),
        fatty_hilum=drawn.fatty_hilum and not malignant,
        suv=spot.suv * float(rng.uniform(0.9, 1.1)) if spot.suv is not None else min(drawn.suv, 2.4),
        center_mm=spot.center_mm,
    )


def demo_case(
    seed: int = 0,
    *,
    spacing_mm: tuple[float, float, float] = (1.1, 1.1, 2.5),
    with_pet: bool = True,
    organs: Organs = "key",
    mirrored: bool = False,
) -> Case:
    """A synthetic patient with lung cancer of the right upper lobe and metastases in 4R, 7 and 10R.

    Args:
        seed: Decides everything; the same seed gives the same bytes.
        spacing_mm: Voxel size ``(x, y, z)`` of the CT in mm.
        with_pet: Whether the case has a PET.
        organs: ``"key"`` for what a segmentation network usually gives (not airways, lungs, azygos), ``"all"`` for
            the whole truth, ``"none"`` for no masks.
        mirrored: Situs inversus: the patient reflected in the sagittal plane, sides in names swapped with it.

    Raises:
        ValueError: An argument is not one of those above.
    """
    return thorax(seed, spacing_mm=spacing_mm, with_pet=with_pet, organs=organs, mirrored=mirrored).case


def sample_case(name: SampleName) -> Case:
    """What a reader would get of a named patient (``samples``)."""
    return render(sample_plan(name)).case


def thorax(
    seed: int = 0,
    *,
    spacing_mm: tuple[float, float, float] = (1.1, 1.1, 2.5),
    with_pet: bool = True,
    organs: Organs = "key",
    mirrored: bool = False,
    scan_traits: Sequence[ScanTrait] = (),
    field_of_view: Literal["compact", "wide"] = "compact",
    extent: Extent = "chest",
    anatomy_traits: Sequence[AnatomyTrait] = (),
) -> PhantomCase:
    """The patient of ``demo_case`` together with its truth.

    Args:
        seed: As for ``demo_case``, like all up to ``mirrored``.
        spacing_mm: See there.
        with_pet: See there.
        organs: See there.
        mirrored: See there.
        scan_traits: What real scans have, see ``scan_traits``; bedding and arms need the wide field of view.
        field_of_view: The chest alone, or all that the bore holds. With and without traits the chest of one seed is
            the same in the same field of view.
        extent: How much of the body the CT shows; ``"head_to_thigh"`` needs the wide field of view.
        anatomy_traits: What patients have and the audited cohorts do not, see ``anatomy.traits``.
    """
    plan = replace(
        demo_plan(seed),
        patient_id="synthetic-demo",
        spacing_mm=spacing_mm,
        has_pet=with_pet,
        field_of_view=field_of_view,
    )
    plan = with_anatomy(scanned_with(plan, scan_traits, extent), anatomy_traits)
    return render(plan, organs=organs, mirrored=mirrored, traits=_DEMO_TRAITS)


def write_sample(name: SampleName, out: Path) -> Path:
    """Make a named patient: its case under ``out/cases``, its truth under ``out/truth``.

    Returns:
        The case folder.

    Raises:
        OutputError: It is there already, or the folder cannot be written.
    """
    plan = sample_plan(name)
    return write_rendered(load_preset(plan.preset), plan, out)
