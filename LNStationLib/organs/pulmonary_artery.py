"""The pulmonary artery split into trunk, left and right artery."""

from __future__ import annotations

import numpy as np

from LNStationLib.imaging.scan import Scan
from LNStationLib.organs import morphology
from LNStationLib.organs.findings import Findings
from LNStationLib.organs.wave_tree import WaveTree, wave_tree
from LNStationLib.state.organ_set import OrganSource
from LNStationLib.support.reason import Reason
from LNStationLib.support.types import BoolArray

_ARM_REACH_MM = 15.0
"""Arms that reach less are bulges of the wall: main branches are 16 to 24 mm wide (J Korean Radiol Soc
1989;25:228)."""
_SMALLEST_ARM_MM3 = 1000.0
"""1 ml: a branch of 8 mm, 2 cm long; lobar branches are smaller, main branches ten times larger."""
_RIM_AREA_MM2 = 40.0
"""A circle of 7 mm: what rises above the left pulmonary artery is its branches to the upper lobe."""
_RIM_SHARE = 0.25
"""Of the largest section: a tube that arches over a bronchus has it within a millimeter of its top. What lies above
it in thick slices is the blur of the last of them into the next."""
_BRANCH_RADIUS_MM = 3.5
"""Half of those 7 mm."""
_SHELL_VOXELS = 2.0
"""Thickness of a shell of the wave: at least 1.5 keep it connected."""
_ROOT_SLOPE, _ROOT_MM = 1.5, 6.0
"""Rows count more than slices, so that descending branches in the lungs, low but far back, are not the root; the
root is the 6 mm nearest to that corner. Chosen on phantoms and one real CT."""


def split_pulmonary_artery(artery: BoolArray, scan: Scan, source: OrganSource, how: Reason) -> Findings:
    """Split the pulmonary artery where a wave from its root divides into a right and a left arm.

    Args:
        artery: Pulmonary artery with its main branches, ``[z, y, x]``.
        scan: The scan it lies on.
        source: Source for the parts.
        how: How the whole was found.

    Returns:
        ``pulmonary_trunk``, ``pulmonary_artery_left`` and ``pulmonary_artery_right`` with the landmark
        ``left_pulmonary_artery_top``; only a warning where it does not divide in view.
    """
    found = Findings()
    whole = morphology.largest(artery, connectivity=26)
    tree = wave_tree(whole, _root(whole, scan), scan.spacing_mm, _SHELL_VOXELS * scan.spacing_mm)
    arms = _arms(tree)
    if arms is None:
        found.warn("no_pulmonary_bifurcation")
        return found
    right, left = _split_at(tree, arms, whole)
    found.organ("pulmonary_trunk", whole & ~right & ~left, source, how)
    found.organ("pulmonary_artery_left", left, source, how)
    found.organ("pulmonary_artery_right", right, source, how)
    add_upper_rim(found, left, scan, source)
    return found


def add_upper_rim(found: Findings, left: BoolArray, scan: Scan, source: OrganSource) -> None:
    """Add a landmark at the highest slice of the left pulmonary artery that is more than a small branch or blur.

    What hangs on the artery by a neck as thin as a branch does not count: a network may take it from the arch.
    """
    artery = _without_branches(left, scan)
    areas = artery.sum(axis=(1, 2)) * scan.spacing_mm**2
    largest = float(areas.max())
    top = int(np.flatnonzero(areas >= min(max(_RIM_AREA_MM2, _RIM_SHARE * largest), largest))[-1])
    y, x = np.argwhere(artery[top]).mean(axis=0)
    found.landmark("left_pulmonary_artery_top", (top, y, x), scan.grid, source)


def _without_branches(left: BoolArray, scan: Scan) -> BoolArray:
    """The largest piece that is left where branches are cut off, with its own surface; all of a slender artery."""
    core = morphology.open_(left, _BRANCH_RADIUS_MM, scan.spacing_mm)
    if not core.any():
        return left
    return left & morphology.dilate(morphology.largest(core), scan.spacing_mm, scan.spacing_mm)


def upper_rim(left: BoolArray, scan: Scan) -> Findings:
    """The landmark ``left_pulmonary_artery_top`` of a supplied left pulmonary artery."""
    found = Findings()
    add_upper_rim(found, left, scan, OrganSource.DERIVED)
    return found


def _root(artery: BoolArray, scan: Scan) -> BoolArray:
    """The end at the heart: low and, unlike the descending branches in the lungs, in front."""
    z, y, _ = np.nonzero(artery)
    low_and_front = z + _ROOT_SLOPE * y
    wanted = low_and_front <= low_and_front.min() + scan.voxels(_ROOT_MM)
    root = np.zeros_like(artery)
    root[tuple(axis[wanted] for axis in np.nonzero(artery))] = True
    return root


def _arms(tree: WaveTree) -> tuple[int, int] | None:
    """First nodes of the right and the left arm."""
    node = 0
    while True:
        fork = tree.run(node, _ARM_REACH_MM)[-1]
        children = tree.children(fork, _ARM_REACH_MM)
        large = [c for c in children if tree.nodes[c].volume * tree.spacing_mm**3 >= _SMALLEST_ARM_MM3]
        if len(large) >= 2:
            pair = sorted(large, key=lambda n: tree.nodes[n].volume)[-2:]
            pair.sort(key=lambda n: _mean_x(tree, n))
            return pair[0], pair[1]
        if not children:
            return None
        node = max(children, key=lambda n: tree.nodes[n].volume)


def _split_at(tree: WaveTree, arms: tuple[int, int], whole: BoolArray) -> tuple[BoolArray, BoolArray]:
    """Masks of the right and the left artery.

    The trunk continues straight into one of them (the left), so the wave front divides well behind the true origin:
    that artery also takes the part of the trunk behind the middle of the other artery's origin.
    """
    masks = [tree.paint(tree.subtree(arm), whole.shape) for arm in arms]
    rows = [float(tree.nodes[arm].centroid[1]) for arm in arms]
    straight = int(np.argmax(rows))
    behind = np.arange(whole.shape[1]) > rows[1 - straight]
    masks[straight] |= whole & ~masks[1 - straight] & behind[None, :, None]
    return masks[0], masks[1]


def _mean_x(tree: WaveTree, node: int) -> float:
    voxels = np.concatenate([tree.nodes[n].voxels for n in tree.subtree(node)])
    return float(tree.coordinates[voxels, 2].mean())
