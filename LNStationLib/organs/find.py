"""All organs of a case: supplied masks first, then organs derived from them, from the image, and surrogates."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from LNStationLib import anatomy
from LNStationLib.case.case import Case
from LNStationLib.imaging.scan import Scan
from LNStationLib.organs import airways, aorta, bronchi, descending_aorta, lungs, pulmonary_artery, supplied
from LNStationLib.organs.airway_rim import complete_rim
from LNStationLib.organs.body import find_body
from LNStationLib.organs.context import Context
from LNStationLib.organs.find_arteries import add_arteries
from LNStationLib.organs.find_bones import add_bones
from LNStationLib.organs.find_esophagus import add_esophagus
from LNStationLib.organs.find_veins import add_inferior_pulmonary_veins, add_veins
from LNStationLib.organs.findings import Findings
from LNStationLib.organs.groups import AIRWAY_PARTS, AIRWAYS, BONES, LUNGS
from LNStationLib.organs.laterality import warn_of_exchanged_sides
from LNStationLib.organs.orientation import check_spine_behind, check_upright
from LNStationLib.state.organ_set import Organ, OrganSet, OrganSource
from LNStationLib.support.errors import InputError
from LNStationLib.support.progress import Progress, portion, silent
from LNStationLib.support.reason import Reason
from LNStationLib.support.types import BoolArray

Segmenter = Callable[[Context, Progress], Findings]
"""Finds organs once airways, carina and lungs are known: a network that must not run on an image that is refused."""

_HOLDS_AIR_HU = -400
"""Between aerated lung (-600 HU and less, even expired) and soft tissue with some air."""
_SPLIT = ("aorta", "pulmonary_artery")
"""Arteries whose parts are derived from the whole."""
_NO_LUNG, _NO_TRACHEA = Reason("no_lung_for_network"), Reason("no_trachea")


def find_organs(
    case: Case,
    scan: Scan,
    progress: Progress = silent,
    segmented: Sequence[Findings] = (),
    segmenter: Segmenter | None = None,
    image_first: bool = True,
) -> OrganSet:
    """Find the organs of a case.

    Args:
        case: The checked case.
        scan: Its CT on the isotropic, axis-aligned working grid.
        progress: Called with the current step.
        segmented: Findings of networks; they rank below supplied masks and above the image.
        segmenter: A network that is asked for what airways, lungs and orientation of this image allow; it ranks
            below supplied masks, airways, lungs and bones of the image, and above all else from it.
        image_first: Otherwise it ranks above all that the image shows but landmarks of the airways.

    Returns:
        Organs and landmarks, each with its source. An organ that was not found is absent; a warning names it where
        stations depend on it.

    Raises:
        InputError: The CT shows no body.
        GeometryError: The image is upside down or front to back.
    """
    organs = OrganSet(scan.grid)
    supplied.supplied_organs(case, scan.grid).add_to(organs)
    # What a reader took away, or drew too small for this grid, is not for the finders to bring back.
    organs.barred = frozenset(case.organ_edits)
    for found in segmented:
        found.add_to(organs)
    if segmented:
        organs.segmented = tuple(organ for found in segmented for organ in found.organs)
    progress("Reading the CT on the working grid", 0.1)
    body, outside = find_body(scan)
    if not body.any():
        raise InputError(f"Case {case.case_id}: no body in the CT; check that its values are Hounsfield units.")
    _add_body(organs, body)
    context = Context(scan, organs, body)
    progress("Airways", 0.2)
    chain = airways.find_trachea_chain(scan, body, outside)
    check_upright(scan, body, chain)
    _add_airways(context, chain, outside)
    progress("Lungs", 0.3)
    check_spine_behind(scan, body, context.middle_x())
    _add_lungs(context, outside)
    segmented_late = None
    if segmenter is not None:
        seen = segmenter(context, portion(progress, 0.35, 0.6))
        organs.segmented, organs.model = tuple(seen.organs), seen.model
        segmented_late = _add_segmented(context, seen, image_first)
    _add_mediastinum(context, progress, segmented_late)
    warn_of_exchanged_sides(context)
    return organs


def _add_segmented(context: Context, found: Findings, image_first: bool) -> Findings:
    """Add what a network finds more surely than the image shows; return the rest, which fills what is still missing.

    Bones are known by their density. Bronchi of a network are used only where the image shows no airway at all:
    pieces of two sources would not be one lumen. A supplied artery is split before a network's parts are taken, which
    need not fit it.
    """
    found = _possible(context, found)
    late = _parts_of_supplied_arteries(context.organs)
    known = "trachea" in context.organs
    if image_first:
        late |= set(BONES)
        unused = set(AIRWAYS) if known else set()
    else:
        unused = set()
        _forget_image(context.organs, {organ.name for organ in found.organs})
    first = [organ for organ in found.organs if organ.name not in late | unused]
    Findings(first, found.landmarks, found.warnings).add_to(context.organs)
    if image_first and not known:
        _name_segmented_airways(context)
    return Findings([organ for organ in found.organs if organ.name in late])


def _parts_of_supplied_arteries(organs: OrganSet) -> set[str]:
    """Parts of the arteries of which a whole mask was supplied."""
    wholes = [name for name in _SPLIT if name in organs and organs[name].source is OrganSource.SUPPLIED]
    return {part for name in wholes for part in anatomy.organ(name).parts}


def _possible(context: Context, found: Findings) -> Findings:
    """A network's findings without airways and lungs that hold no air; none where no lung is in view.

    A network asked about a head, a neck or an abdomen has never seen the like and may answer with a chest.
    """
    if not set(LUNGS) & set(context.organs):
        return Findings(warnings=[*found.warnings, _NO_LUNG] if found.organs else found.warnings, model=found.model)
    hu = context.scan.hu
    airy = (*AIRWAYS, *LUNGS)
    kept = [one for one in found.organs if one.name not in airy or float(np.median(hu[one.mask])) < _HOLDS_AIR_HU]
    return replace(found, organs=kept)


def _forget_image(organs: OrganSet, names: set[str]) -> None:
    """Drop what the image showed of some organs; landmarks stay."""
    for name in names:
        if name in organs and organs[name].source is OrganSource.IMAGE:
            del organs.organs[name]


def _name_segmented_airways(context: Context) -> None:
    """Carina and bronchi of airways that a network found."""
    organs, airways_found = context.organs, context.organs.organs.get("airways")
    if airways_found is None or "trachea" not in organs:
        return
    trachea = organs["trachea"].mask
    top = np.zeros_like(trachea)
    highest = int(np.flatnonzero(trachea.any(axis=(1, 2)))[-1])
    top[highest] = trachea[highest]
    named = bronchi.name_bronchi(airways_found.mask, top, context.scan)
    if not named.landmarks:
        return
    named.organs = [replace(organ, source=OrganSource.NETWORK, how=airways_found.how) for organ in named.organs]
    for name in AIRWAY_PARTS:
        organs.organs.pop(name, None)
    named.add_to(organs)
    if _NO_TRACHEA in organs.warnings:
        organs.warnings.remove(_NO_TRACHEA)


def _add_mediastinum(context: Context, progress: Progress, segmented: Findings | None = None) -> None:
    supplied.unions(_masks(context.organs)).add_to(context.organs)
    progress("Aorta and pulmonary artery", 0.6)
    _split_arteries(context)
    progress("Bones", 0.65)
    spine = add_bones(context)
    if segmented is not None:
        segmented.add_to(context.organs)
    descending_aorta.complete(context)
    progress("Arteries", 0.8)
    if spine is not None:
        add_arteries(context, spine)
        _split_arteries(context)
    progress("Veins", 0.85)
    add_veins(context, spine)
    add_inferior_pulmonary_veins(context)
    progress("Esophagus", 0.95)
    add_esophagus(context, spine)
    progress("Organs found", 1.0)


def _add_body(organs: OrganSet, body: BoolArray) -> None:
    if "body" not in organs:
        organs.add(Organ("body", body, OrganSource.IMAGE, Reason("body_region")))


def _masks(organs: OrganSet) -> dict[str, BoolArray]:
    return {name: organ.mask for name, organ in organs.items()}


def _add_airways(context: Context, chain: airways.TracheaChain | None, outside: BoolArray) -> None:
    organs, scan = context.organs, context.scan
    if chain is None:
        organs.add_warning(_NO_TRACHEA)
        return
    growth, named = _best_growth(scan, chain.top, airways.grow_airways(scan, chain, outside))
    if not named.landmarks and chain.z[0] < scan.grid.shape[0] - 2:
        # A trachea divides, or at least enters from above; a column of gas that does neither is bowel.
        organs.add_warning(_NO_TRACHEA)
        return
    how = Reason("air_grown", {"threshold_hu": growth.threshold_hu})
    named.organ("airways", growth.lumen, OrganSource.IMAGE, how)
    named.add_to(organs)
    complete_rim(organs, scan)
    _cut_trachea_at_carina(organs)


def _best_growth(scan: Scan, top: BoolArray, growths: list[airways.Growth]) -> tuple[airways.Growth, Findings]:
    """The first growth in which all bronchi could be followed, else the one in which most could.

    A growth with a visible carina beats any without one, in which a bronchus may only seem to be blocked.
    """
    best: tuple[airways.Growth, Findings] | None = None
    most = (False, -1)
    for growth in growths:
        named = bronchi.name_bronchi(growth.lumen, top, scan)
        seen = [landmark.name for landmark in named.landmarks if landmark.source is OrganSource.IMAGE]
        if ("carina" in seen, len(seen)) > most:
            best, most = (growth, named), ("carina" in seen, len(seen))
        if len(seen) == bronchi.N_LANDMARKS:
            break
    assert best is not None
    return best


def _cut_trachea_at_carina(organs: OrganSet) -> None:
    """Cut main bronchi off a supplied trachea (TotalSegmentator's includes them)."""
    trachea, carina = organs.organs.get("trachea"), organs.landmarks.get("carina")
    if trachea is None or trachea.source is OrganSource.IMAGE or carina is None:
        return
    mask = trachea.mask.copy()
    mask[: round(organs.grid.index(carina.point_mm)[0])] = False
    if mask.any() and mask.sum() < trachea.mask.sum():
        organs.add(Organ("trachea", mask, OrganSource.DERIVED, Reason("above_carina", {"whole": trachea.how})))


def _add_lungs(context: Context, outside: BoolArray) -> None:
    organs = context.organs
    supplied.unions(_masks(organs)).add_to(organs)
    if "lung_left" in organs and "lung_right" in organs:
        return
    parts = [organs[name].mask for name in AIRWAY_PARTS if name in organs]
    lumen = np.logical_or.reduce(parts) if parts else np.zeros(context.scan.grid.shape, dtype=bool)
    lungs.find_lungs(context.scan, outside, lumen, context.middle_x()).add_to(organs)


def _split_arteries(context: Context) -> None:
    organs, scan = context.organs, context.scan
    carina = context.index("carina")
    whole = organs.organs.get("aorta")
    if "aortic_arch" in organs:
        limbs = context.union(("aorta", "ascending_aorta", "descending_aorta"))
        aorta.arch_landmarks(organs["aortic_arch"].mask, limbs, scan).add_to(organs)
    elif whole is not None:
        carina_y = None if carina is None else carina[1]
        aorta.split_aorta(whole.mask, scan, _derived(whole), _split_of(whole), carina_y).add_to(organs)
    artery = organs.organs.get("pulmonary_artery")
    if artery is not None and "pulmonary_artery_left" not in organs:
        split = pulmonary_artery.split_pulmonary_artery
        split(artery.mask, scan, _derived(artery), _split_of(artery)).add_to(organs)
    elif "pulmonary_artery_left" in organs:
        pulmonary_artery.upper_rim(organs["pulmonary_artery_left"].mask, scan).add_to(organs)


def _split_of(organ: Organ) -> Reason:
    return Reason("split_of", {"whole": organ.how})


def _derived(organ: Organ) -> OrganSource:
    """The source of a part of an organ."""
    return OrganSource.DERIVED if organ.source is OrganSource.SUPPLIED else organ.source
