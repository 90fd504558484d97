"""Synthetic patients that several test files look at: each is drawn once in a test run."""

from __future__ import annotations

from dataclasses import replace

from made_once import made_once

from LNStationLib.phantom import PhantomCase, thorax
from LNStationLib.phantom.case import render
from LNStationLib.phantom.patient import draw_patient
from LNStationLib.phantom.preset import load_preset
from LNStationLib.phantom.scan_traits import ScanTrait

FINE_MM = (1.8, 1.8, 2.5)
SMALL_MM = (3.5, 3.5, 5.0)
WIDE_MM = (4.0, 4.0, 5.0)


@made_once
def scanned(*traits: ScanTrait, pixel_mm: float = 4.0) -> PhantomCase:
    """A coarse patient in the wide field of view, without PET and supplied masks, with traits of real scans."""
    return thorax(
        2, spacing_mm=(pixel_mm, pixel_mm, 4.0), with_pet=False, organs="none", scan_traits=traits,
        field_of_view="wide",
    )  # fmt: skip


@made_once
def small(seed: int) -> PhantomCase:
    """The demo patient of a seed in as few voxels as show its organs."""
    return thorax(seed, spacing_mm=SMALL_MM)


@made_once
def fine(mirrored: bool = False) -> PhantomCase:
    """The demo patient with every mask, and its reflection with those that a reader usually has."""
    return thorax(0, spacing_mm=FINE_MM, organs="key" if mirrored else "all", mirrored=mirrored)


@made_once
def with_esophageal_cancer() -> PhantomCase:
    """A patient with a tumor of the esophagus and every mask."""
    plan = draw_patient(load_preset("esophagus"), 4, 3)
    plan = replace(plan, spacing_mm=(2.4, 2.4, 3.0), has_pet=True, field_of_view="compact")
    return render(plan, organs="all")


@made_once
def bare() -> PhantomCase:
    """Another patient, without PET and supplied masks."""
    return thorax(3, spacing_mm=FINE_MM, organs="none", with_pet=False)
