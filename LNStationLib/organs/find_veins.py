"""Add the veins of the mediastinum where they are not supplied."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from LNStationLib.organs import azygos, blood, brachiocephalic, morphology, pulmonary_veins, veins
from LNStationLib.organs.aorta import end_before_trachea
from LNStationLib.organs.context import Context
from LNStationLib.organs.findings import Findings
from LNStationLib.organs.groups import ARTERIES
from LNStationLib.organs.spine import Spine
from LNStationLib.organs.vessel_paths import Surroundings, soft_tissue
from LNStationLib.state.organ_set import Organ, OrganSource
from LNStationLib.support.reason import Reason
from LNStationLib.support.types import BoolArray

_PULMONARY_ARTERY = ("pulmonary_artery", "pulmonary_trunk", "pulmonary_artery_left", "pulmonary_artery_right")
_SOLID = (*ARTERIES, *_PULMONARY_ARTERY, "heart", "trachea", "airways", "lung_left", "lung_right", "bone")
_AORTA = ("aorta", "ascending_aorta", "aortic_arch")
_CAVA = ("superior_vena_cava", "brachiocephalic_vein_right")
_WAY_OUT_VOXELS = 2.0
"""The rim of blocked voxels around the cava, through which paths leave it."""
_RIM_VOXELS = 1.5
"""Rim of known vessels and bone, whose voxels are blurred by partial volume."""
_BEHIND_CLAVICLE_MM = 12.0
"""Half the head of the clavicle (25 mm wide): the vein begins behind it."""
_LEFT_OF_CARINA_MM = 35.0
"""The same place where no clavicle is in view: the head begins 2 to 2.5 cm from the midline."""
_AZYGOS_RADIUS_MM = 3.0
"""Of a slender azygos arch (usually 7 to 10 mm wide), which enters the cava below the confluence of these veins:
their lower margin lies above its axis, though over a dilated aorta no higher than its top."""
_MOST = 0.5
"""More than half of what is seen of a vein decides on which side of the aorta it passes."""


def surroundings(context: Context, spine: Spine | None) -> Surroundings | None:
    """The structures by which the veins are found; ``None`` without a carina."""
    scan, organs = context.scan, context.organs
    carina, trachea = context.index("carina"), organs.mask("trachea")
    if carina is None or trachea is None:
        return None
    known = context.blood(scan.spacing_mm)
    enhanced = blood.enhanced_blood(scan.hu, organs) & ~known & ~context.lungs()
    notch = context.index("manubrium_top")
    # A manubrium cut off at the top of the view does not show the notch.
    cut = notch is not None and notch[0] >= scan.grid.shape[0] - 2
    return Surroundings(
        scan=scan,
        carina=carina,
        trachea=trachea,
        ascending_aorta=organs.mask("ascending_aorta"),
        blocked=known | context.lungs() | context.air(scan.spacing_mm) | context.bones() | ~context.body,
        bright=enhanced,
        spine=spine,
        notch_z=None if notch is None or cut else notch[0],
        trunk_z=_origin_of_trunk(context),
        arch_z=_arch_before_trachea(context, trachea, carina),
    )


def _origin_of_trunk(context: Context) -> float | None:
    """Lowest slice of the brachiocephalic trunk; ``None`` where it is unknown or continues below the view."""
    trunk = context.organs.mask("brachiocephalic_trunk")
    low = 0 if trunk is None else int(np.flatnonzero(trunk.any(axis=(1, 2)))[0])
    return float(low) if low > 0 else None


def _arch_before_trachea(context: Context, trachea: BoolArray, carina: tuple[float, float, float]) -> float | None:
    """Slice in which the aorta ends in front of the trachea; ``None`` without an arch in view."""
    if "aortic_arch" not in context.organs:
        return None
    return end_before_trachea(context.union(_AORTA), trachea, carina, context.scan)


def add_veins(context: Context, spine: Spine | None) -> None:
    """Find superior vena cava, brachiocephalic veins and azygos arch where they are not supplied."""
    scan, organs = context.scan, context.organs
    around = surroundings(context, spine)
    if around is None:
        return
    soft = soft_tissue(around)
    if "superior_vena_cava" not in organs:
        veins.find_superior_vena_cava(around, soft).add_to(organs)
    cava = context.union(_CAVA)
    # Paths start in the cava and must be able to leave it.
    free = morphology.dilate(cava, _WAY_OUT_VOXELS * scan.spacing_mm, scan.spacing_mm) & ~context.union(
        _SOLID, scan.spacing_mm
    )
    around = replace(around, blocked=around.blocked & ~free)
    around = veins.with_venous_blood(around, context.union(ARTERIES), cava, blood.blood_hu(scan.hu, organs))
    _add_left_brachiocephalic(context, around, soft, cava)
    if "azygos_arch" not in organs and cava.any():
        azygos.find_azygos_arch(around, soft, cava).add_to(organs)


def add_inferior_pulmonary_veins(context: Context) -> None:
    """Landmarks of the inferior pulmonary veins, from supplied masks where there are any."""
    scan, organs, carina = context.scan, context.organs, context.index("carina")
    _split_veins(context)
    found = Findings()
    for name in ("inferior_pulmonary_vein_left", "inferior_pulmonary_vein_right"):
        if name in organs:
            z, y, x = np.argwhere(organs[name].mask).mean(axis=0)
            found.landmark(name, (z, y, x), scan.grid, _derived(organs[name]))
    found.add_to(organs)
    if carina is not None and len(found.landmarks) < 2:
        known = context.union((*ARTERIES, *_PULMONARY_ARTERY, "spine"), _RIM_VOXELS * scan.spacing_mm)
        bright = blood.enhanced_blood(scan.hu, organs) & ~known
        pulmonary_veins.find_inferior_veins(scan, carina, organs.mask("heart"), bright).add_to(organs)


def _split_veins(context: Context) -> None:
    """Add the inferior pulmonary veins that a mask of all pulmonary veins holds."""
    organs, carina = context.organs, context.index("carina")
    atrium = organs.mask("atrium_left")
    atrium = organs.mask("heart") if atrium is None else atrium
    whole = organs.organs.get("pulmonary_vein")
    if whole is None or atrium is None or carina is None:
        return
    found = Findings()
    for name, mask in pulmonary_veins.split_inferior_veins(whole.mask, atrium, carina, context.scan).items():
        found.organ(name, mask, _derived(whole), Reason("lowest_beside_atrium", {"whole": whole.how}))
    found.add_to(organs)


def _derived(organ: Organ) -> OrganSource:
    """The source of what was taken from an organ."""
    return OrganSource.DERIVED if organ.source is OrganSource.SUPPLIED else organ.source


def _add_left_brachiocephalic(context: Context, around: Surroundings, soft: BoolArray, cava: BoolArray) -> None:
    organs, found = context.organs, Findings()
    vein = organs.organs.get("brachiocephalic_vein_left")
    if vein is not None and vein.source is OrganSource.NETWORK:
        vein = _unless_impossible(context, vein, around)
    if vein is not None:
        brachiocephalic.crossing_of(vein, around).add_to(organs)
    elif cava.any():
        left_x = _behind_left_clavicle(context, around)
        brachiocephalic.find_brachiocephalic_vein_left(around, soft, cava, left_x).add_to(organs)
    if "left_brachiocephalic_vein_crossing" not in organs.landmarks:
        arch_top = context.index("aortic_arch_top")
        known = arch_top is not None and arch_top[0] < context.scan.grid.shape[0] - 2
        brachiocephalic.add_crossing_surrogate(found, around, arch_top[0] if arch_top is not None and known else None)
        found.add_to(organs)


def _unless_impossible(context: Context, vein: Organ, around: Surroundings) -> Organ | None:
    """The vein of a network, unless it crosses behind the aorta, or below an azygos arch that is surer.

    The vein crosses in front of the arch's branches, and of the arch itself or the ascending aorta where these are
    elongated or dilated; behind the aorta it passes in a rare variant alone (subaortic vein). The azygos arch enters
    the cava below the confluence to which the vein descends: where both contradict this, the surer one is right.
    """
    crossing = brachiocephalic.crossing_of(vein, around).landmarks
    if not crossing:
        return vein
    organs, level = context.organs, context.scan.grid.index(crossing[0].point_mm)[0]
    azygos_arch, wrong = organs.organs.get("azygos_arch"), _behind_aorta(context, vein.mask, around.trachea)
    least = _AZYGOS_RADIUS_MM / context.scan.spacing_mm
    if azygos_arch is not None and level < float(np.flatnonzero(azygos_arch.mask.any(axis=(1, 2)))[0]) + least:
        if azygos_arch.source is OrganSource.NETWORK and (azygos_arch.confidence or 0) < (vein.confidence or 0):
            del organs.organs["azygos_arch"]
        else:
            wrong = True
    if wrong:
        del organs.organs["brachiocephalic_vein_left"]
    return None if wrong else vein


def _behind_aorta(context: Context, vein: BoolArray, trachea: BoolArray) -> bool:
    """Whether most of a vein lies behind the aorta where it passes in front of the trachea."""
    columns = np.flatnonzero(trachea.any(axis=(0, 1)))
    vein, aorta = vein[:, :, columns], context.union(_AORTA)[:, :, columns]
    lines = vein.any(axis=1)
    before = aorta.any(axis=1) & (aorta.argmax(axis=1) < vein.argmax(axis=1)) & lines
    return bool(before.sum() > _MOST * lines.sum())


def _behind_left_clavicle(context: Context, around: Surroundings) -> float:
    """Column 12 mm left of the medial end of the left clavicle, else 35 mm left of the carina."""
    clavicle = context.organs.mask("clavicle_left")
    if clavicle is None:
        return around.carina[2] + context.scan.voxels(_LEFT_OF_CARINA_MM)
    return float(np.flatnonzero(clavicle.any(axis=(0, 1)))[0]) + context.scan.voxels(_BEHIND_CLAVICLE_MM)
