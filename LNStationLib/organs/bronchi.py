"""Name the branches of the airways: carina, main bronchi, bronchus intermedius, lobar bronchi."""

from __future__ import annotations

import numpy as np
from scipy import ndimage
from scipy.spatial import cKDTree

from LNStationLib.imaging.scan import Scan
from LNStationLib.organs.airway_paths import (
    BRANCH_REACH_MM,
    Fork,
    before_fork,
    first_part,
    follow,
    heading,
    mean_height,
    origin_of,
)
from LNStationLib.organs.blocked_bronchus import MAIN_REACH_MM, Turn, add_carina, find_turn
from LNStationLib.organs.bronchus_surrogates import (
    INTERMEDIUS_LENGTH_MM,
    MAIN_LENGTH_MM,
    add_surrogate,
    along,
    cut_to,
)
from LNStationLib.organs.findings import Findings
from LNStationLib.organs.wave_tree import WaveTree, wave_tree
from LNStationLib.state.organ_set import OrganSource
from LNStationLib.support.reason import Reason
from LNStationLib.support.types import BoolArray, FloatArray, Side

N_LANDMARKS = 5
"""Carina and the origins of four bronchi."""
_SHELL_VOXELS = 1.75
"""Thickness of a shell of the wave: at least 1.5 keep it connected, and thicker ones see forks later."""
_SMALLEST_ARM_MM3 = 400.0
"""Lumen of half a lobar bronchus (a tube of 8 mm, 8 mm long): smaller arms are noise or a tracheal diverticulum."""
_ARMS_APART_MM = 10.0
"""The main bronchi head to different sides; arms nearer than a lumen's width to each other are one bronchus in
pieces."""
_BEFORE_FORK_MM = 15.0
"""Above a fork the direction of the lumen is read over this length, about the trachea's width."""
_LOBAR_LENGTH_MM = 15.0
"""Usual length of a lobar bronchus, 1 to 2 cm (Gray's Anatomy, 41st ed., ch. 53)."""
_CARINA_ASIDE_MM = 40.0
"""A mediastinum shifted by a lost lung takes the carina 3 to 4 cm with it; main bronchi fork 5 cm farther out."""
_CARINA_NEAR_FORK_MM, _CARINA_RUN_SLICES = 15.0, 2
"""The carina lies within a trachea's width of the wave's fork; slices in a row with separate bronchi that end it,
since noise may part the lumen in a single one."""
_BELOW_CARINA_SLICES = 4
"""Both bronchi are seen within this many slices below the last joined one."""
_TIE_VOXELS = 0.5
"""Gaps that differ by less are equally short: the grid resolves no more."""
_UPPER_LOBE_DROP_MM, _UPPER_LOBE_BELOW_CARINA_MM = 2.0, 22.0
"""The right upper lobe bronchus runs level or upwards, within 25 mm along a main bronchus that descends at 25 degrees
(Gray's Anatomy, 41st ed., ch. 53): 22 mm of height."""
_MIDDLE_LOBE_FORWARD_MM = 3.0
"""The middle lobe bronchus runs forwards, those of the lower lobe down and back; less is noise of the center line."""
_SIDE_NAME: dict[Side, str] = {"R": "right", "L": "left"}


def name_bronchi(lumen: BoolArray, trachea_top: BoolArray, scan: Scan) -> Findings:
    """Name the branches of the airways.

    Args:
        lumen: Lumen of trachea and bronchi, ``[z, y, x]``.
        trachea_top: Where the trachea enters the view, a part of the lumen.
        scan: The scan it lies on.

    Returns:
        ``trachea`` and every bronchus that could be followed, as lumen masks, with the landmarks ``carina``,
        ``right_upper_lobe_bronchus_origin``, ``bronchus_intermedius_end``, ``left_upper_lobe_bronchus_origin``
        and ``left_lower_lobe_bronchus_origin``. Where a bronchus ends early, its landmark is placed at the typical
        length, with source ``SURROGATE`` and a warning.
    """
    found = Findings()
    tree = wave_tree(lumen, trachea_top, scan.spacing_mm, _SHELL_VOXELS * scan.spacing_mm)
    halves = _find_halves(tree)
    if halves is None:
        turn = find_turn(tree)
        if turn is not None:
            _add_one_side(found, tree, lumen, scan, turn)
            return found
        found.organ("trachea", lumen, OrganSource.IMAGE, Reason("trachea_followed"))
        found.warn("no_bifurcation")
        return found
    right, left = halves
    _add_trachea_and_carina(found, tree, lumen, scan, right, left)
    _add_right(found, tree, scan, lumen.shape, right)
    _add_left(found, tree, scan, lumen.shape, left)
    return found


def _add_one_side(found: Findings, tree: WaveTree, lumen: BoolArray, scan: Scan, turn: Turn) -> None:
    """Add trachea, carina and the bronchi of the one aerated side."""
    found.organ("trachea", tree.paint(turn.trachea, lumen.shape), OrganSource.IMAGE, Reason("trachea_above_turn"))
    add_carina(found, turn, scan)
    add_side = _add_left if turn.side == "L" else _add_right
    add_side(found, tree, scan, lumen.shape, turn.start)


def _find_halves(tree: WaveTree) -> tuple[int, int] | None:
    """First nodes of the right and the left main bronchus: the first fork with two long arms side by side.

    Far beside the trachea it is the fork of a lobe or of a leak into the lung, on the side of the open main bronchus.
    """
    node, top_x = 0, float(tree.nodes[0].centroid[2])
    while True:
        fork = tree.run(node, BRANCH_REACH_MM)[-1]
        arms = tree.children(fork, MAIN_REACH_MM)
        arms = sorted(arms, key=lambda n: tree.nodes[n].volume, reverse=True)[:2]
        if len(arms) == 2 and tree.nodes[arms[1]].volume * tree.spacing_mm**3 > _SMALLEST_ARM_MM3:
            aside_mm = abs(tree.nodes[fork].centroid[2] - top_x) * tree.spacing_mm
            if aside_mm > _CARINA_ASIDE_MM or _comes_from_aside(tree, fork):
                return None
            apart = heading(tree, arms[0])[2] - heading(tree, arms[1])[2]
            if abs(apart) * tree.spacing_mm > _ARMS_APART_MM:
                return (arms[1], arms[0]) if apart > 0 else (arms[0], arms[1])
        following = tree.children(fork, BRANCH_REACH_MM)
        if not following:
            return None
        node = max(following, key=lambda n: tree.nodes[n].volume)


def _comes_from_aside(tree: WaveTree, fork: int) -> bool:
    """True where the lumen above a fork runs more sideways than down: a main bronchus, not the trachea."""
    end, node = tree.nodes[fork], tree.nodes[fork]
    while node.parent is not None and end.distance_mm - node.distance_mm < _BEFORE_FORK_MM:
        node = tree.nodes[node.parent]
    down, _, aside = node.centroid - end.centroid
    return bool(end.distance_mm - node.distance_mm >= _BEFORE_FORK_MM and abs(aside) > max(float(down), 0.0))


def _add_trachea_and_carina(
    found: Findings, tree: WaveTree, lumen: BoolArray, scan: Scan, right: int, left: int
) -> None:
    # Only the main bronchi: lobar branches that turn upwards would misplace the carina.
    right_mask, left_mask = (tree.paint(first_part(tree, arm, MAIN_REACH_MM), lumen.shape) for arm in (right, left))
    parent = tree.nodes[right].parent
    trunk = []
    while parent is not None:
        trunk.append(parent)
        parent = tree.nodes[parent].parent
    found.organ("trachea", tree.paint(trunk, lumen.shape), OrganSource.IMAGE, Reason("trachea_grown"))
    found.landmark(
        "carina",
        _carina(lumen, right_mask, left_mask, tree.nodes[trunk[0]].centroid, scan),
        scan.grid,
        OrganSource.IMAGE,
    )


def _carina(
    lumen: BoolArray, right: BoolArray, left: BoolArray, fork: FloatArray, scan: Scan
) -> tuple[float, float, float]:
    """Index of the carina: going down past the fork, the last slice before right and left separate."""
    near = scan.voxels(_CARINA_NEAR_FORK_MM)
    low, high = max(0, round(fork[0]) - near), min(len(lumen) - 1, round(fork[0]) + near)
    lowest = high
    for z in range(high, low - 1, -1):
        if _joined(lumen[z], right[z], left[z]):
            lowest = z
        elif lowest - z >= _CARINA_RUN_SLICES:
            break
    return _between(right, left, lowest, fork)


def _joined(lumen: BoolArray, right: BoolArray, left: BoolArray) -> bool:
    """True where one piece of lumen contains both sides, or where the slice cuts the trachea above one of them."""
    labels, _ = ndimage.label(lumen)
    sides = [set(np.unique(labels[side])) - {0} for side in (right, left)]
    trunk = bool((lumen & ~right & ~left).any())
    return bool(sides[0] & sides[1]) or (trunk and not (sides[0] and sides[1]))


def _between(right: BoolArray, left: BoolArray, z: int, fork: FloatArray) -> tuple[float, float, float]:
    """Middle of the shortest gap between both sides just below slice ``z``."""
    for below in range(z, max(-1, z - _BELOW_CARINA_SLICES), -1):
        a, b = np.argwhere(right[below]), np.argwhere(left[below])
        if len(a) and len(b):
            gaps, nearest = cKDTree(b).query(a)
            closest = gaps <= gaps.min() + _TIE_VOXELS
            y, x = ((a[closest] + b[nearest[closest]]) / 2).mean(axis=0)
            return float(z), float(y), float(x)
    return float(z), float(fork[1]), float(fork[2])


def _add_main(found: Findings, tree: WaveTree, shape: tuple[int, ...], fork: Fork, side: Side) -> None:
    name = f"main_bronchus_{_SIDE_NAME[side]}"
    nodes = before_fork(tree, fork)[0] if fork.children else cut_to(tree, fork.path, MAIN_LENGTH_MM[side])
    how = Reason("main_bronchus_to_fork" if fork.children else "main_bronchus_from_carina")
    found.organ(name, tree.paint(nodes, shape), OrganSource.IMAGE, how)


def _add_left(found: Findings, tree: WaveTree, scan: Scan, shape: tuple[int, ...], start: int) -> None:
    """Add the left main bronchus to its fork into upper and lower lobe bronchus, and those."""
    fork = follow(tree, start, "L")
    _add_main(found, tree, shape, fork, "L")
    names = ("left_upper_lobe_bronchus_origin", "left_lower_lobe_bronchus_origin")
    if not fork.children:
        for name in names:
            add_surrogate(found, scan, name, along(tree, fork.path, MAIN_LENGTH_MM["L"]), MAIN_LENGTH_MM["L"])
        return
    lower = min(fork.children, key=lambda n: mean_height(tree, n))
    upper = [child for child in fork.children if child != lower]
    for name, children in zip(names, (upper, [lower]), strict=True):
        index = origin_of(tree, fork.path[-1], children)
        found.landmark(name, index, scan.grid, OrganSource.IMAGE)
    # The lower lobe bronchus continues in the direction of the main bronchus.
    spur = before_fork(tree, fork)[1]
    for name, children, before in (
        ("upper_lobe_bronchus_left", upper, []),
        ("lower_lobe_bronchus_left", [lower], spur),
    ):
        nodes = before + [n for child in children for n in first_part(tree, child, _LOBAR_LENGTH_MM)]
        found.organ(name, tree.paint(nodes, shape), OrganSource.IMAGE, _branch_of("left main bronchus"))


def _add_right(found: Findings, tree: WaveTree, scan: Scan, shape: tuple[int, ...], start: int) -> None:
    """Add the right main bronchus to its fork, then upper lobe bronchus and bronchus intermedius."""
    fork = follow(tree, start, "R")
    _add_main(found, tree, shape, fork, "R")
    if not fork.children:
        _add_right_surrogates(found, tree, scan, fork)
    elif not _has_upper_lobe(tree, fork, start):
        _add_right_without_upper_lobe(found, tree, scan, shape, fork)
    else:
        _add_right_fork(found, tree, scan, shape, fork)


def _add_right_surrogates(found: Findings, tree: WaveTree, scan: Scan, fork: Fork) -> None:
    """Place the origin of the upper lobe bronchus and the end of the bronchus intermedius at typical lengths."""
    length = MAIN_LENGTH_MM["R"]
    add_surrogate(found, scan, "right_upper_lobe_bronchus_origin", along(tree, fork.path, length), length)
    total = length + INTERMEDIUS_LENGTH_MM
    add_surrogate(found, scan, "bronchus_intermedius_end", along(tree, fork.path, total), total)


def _add_right_fork(found: Findings, tree: WaveTree, scan: Scan, shape: tuple[int, ...], fork: Fork) -> None:
    """Add the upper lobe bronchus at the first fork, then what follows along the bronchus intermedius."""
    down = min(fork.children, key=lambda n: mean_height(tree, n))
    upper = [child for child in fork.children if child != down]
    index = origin_of(tree, fork.path[-1], upper)
    found.landmark("right_upper_lobe_bronchus_origin", index, scan.grid, OrganSource.IMAGE)
    nodes = [n for child in upper for n in first_part(tree, child, _LOBAR_LENGTH_MM)]
    how = _branch_of("right main bronchus")
    found.organ("upper_lobe_bronchus_right", tree.paint(nodes, shape), OrganSource.IMAGE, how)
    below = follow(tree, down, "R")
    path = before_fork(tree, fork)[1] + below.path
    _add_below_intermedius(found, tree, scan, shape, Fork(path, below.children))


def _has_upper_lobe(tree: WaveTree, fork: Fork, start: int) -> bool:
    """True where a branch of the fork runs level or upwards and arises within 22 mm below the carina."""
    at = tree.nodes[fork.path[-1]].centroid[0]
    highest = max(mean_height(tree, child) for child in fork.children)
    below_mm = (tree.nodes[start].centroid[0] - at) * tree.spacing_mm
    return (highest - at) * tree.spacing_mm >= -_UPPER_LOBE_DROP_MM and below_mm <= _UPPER_LOBE_BELOW_CARINA_MM


def _add_right_without_upper_lobe(
    found: Findings, tree: WaveTree, scan: Scan, shape: tuple[int, ...], fork: Fork
) -> None:
    """Place the origin of an unseen upper lobe bronchus at its usual distance along the way to the middle lobe."""
    length = MAIN_LENGTH_MM["R"]
    origin = tree.nodes[fork.path[0]].distance_mm
    add_surrogate(found, scan, "right_upper_lobe_bronchus_origin", along(tree, fork.path, length), length)
    lower = [node for node in fork.path if tree.nodes[node].distance_mm - origin > length]
    _add_below_intermedius(found, tree, scan, shape, Fork(lower or fork.path[-1:], fork.children))


def _add_below_intermedius(found: Findings, tree: WaveTree, scan: Scan, shape: tuple[int, ...], fork: Fork) -> None:
    """Add the bronchus intermedius along a path, its end, and the lobar bronchi after it."""
    middle = _middle_lobe(tree, fork)
    nodes = fork.path if middle is not None else cut_to(tree, fork.path, INTERMEDIUS_LENGTH_MM)
    how = Reason("intermedius_to_fork")
    found.organ("bronchus_intermedius", tree.paint(nodes, shape), OrganSource.IMAGE, how)
    name = "bronchus_intermedius_end"
    if middle is None:
        add_surrogate(found, scan, name, along(tree, fork.path, INTERMEDIUS_LENGTH_MM), INTERMEDIUS_LENGTH_MM)
        return
    lower = [child for child in fork.children if child != middle]
    index = origin_of(tree, fork.path[-1], [middle])
    found.landmark(name, index, scan.grid, OrganSource.IMAGE)
    for organ, children in (("middle_lobe_bronchus_right", [middle]), ("lower_lobe_bronchus_right", lower)):
        nodes = [n for child in children for n in first_part(tree, child, _LOBAR_LENGTH_MM)]
        found.organ(organ, tree.paint(nodes, shape), OrganSource.IMAGE, _branch_of("bronchus intermedius"))


def _branch_of(bronchus: str) -> Reason:
    return Reason("bronchial_branch", {"bronchus": bronchus})


def _middle_lobe(tree: WaveTree, fork: Fork) -> int | None:
    """The branch that arises forwards, the middle lobe bronchus; those of the lower lobe run down and back."""
    if not fork.children:
        return None
    child = min(fork.children, key=lambda n: float(heading(tree, n)[1]))
    forward_mm = float(tree.nodes[fork.path[-1]].centroid[1] - heading(tree, child)[1]) * tree.spacing_mm
    return child if forward_mm > _MIDDLE_LOBE_FORWARD_MM else None
