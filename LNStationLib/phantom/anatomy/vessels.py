"""Great vessels, in the frame of ``central``: those of an average adult, bent and widened by a patient's traits."""

from __future__ import annotations

from LNStationLib.phantom.anatomy.shapes import Tube, tube
from LNStationLib.phantom.anatomy.variation import Variation
from LNStationLib.support.types import PointMm

ARCH_START_MM = (6.0, -21.0, 27.0)
"""On the aorta's axis at the origin of the brachiocephalic trunk."""
ARCH_END_MM = (34.5, 43.0, 14.0)
"""On the aorta's axis at the isthmus."""
AORTA_PATH_MM = (
    (5, -24, -50), (4, -30, -32), (2, -28, -6), (4, -24, 17), (11, -17, 32), (21.5, -3, 38), (29, 15, 36.5),
    (34, 32, 28), (35, 43, 12), (34, 47, -8), (32, 48, -30), (28, 43, -68), (22, 30, -98), (13, 17.5, -126),
    (6, 9, -160), (2, 4, -215),
)  # fmt: skip
"""Axis from the valve to below the diaphragm."""
AORTA_RADII_MM = (14.5, 15.6, 15.6, 15.6, 14.8, 13.8, 13.4, 12.8, 12.4, 12.2, 12, 11.7, 11.3, 10.8, 10.4, 10)
"""Outer radius at each point of the path: 31 mm wide ascending, 25 mm descending."""
# How far an elongated aorta leaves that path, per mm of elongation: the ascending part bulges to the right and
# forward, the arch rises, the descending part swings to the left.
_ELONGATION = (
    (0, 0, 0), (-0.1, 0, 0), (-0.5, -0.2, 0), (-0.3, -0.1, 0.5), (0, 0, 0.8), (0.1, 0, 1.0), (0.2, 0.1, 1.0),
    (0.3, 0.1, 0.7), (0.5, 0.2, 0.2), (0.5, 0.3, 0), (0.5, 0.4, 0), (0.7, 0.2, 0), (0.5, 0, 0), (0.2, 0, 0),
    (0, 0, 0), (0, 0, 0),
)  # fmt: skip
# How much of a dilatation of the ascending aorta each part takes.
_DILATATION = (0.7, 1, 1, 1, 0.8, 0.55, 0.4, 0.3, 0.2, 0.15, 0.1, 0, 0, 0, 0, 0)


def aorta(traits: Variation) -> dict[str, Tube]:
    """The aorta in its three parts, cut across its course at the trunk's origin and at the isthmus."""
    rise = traits.aortic_elongation_mm
    path = [
        (x + dx * rise, y + dy * rise, z + dz * rise)
        for (x, y, z), (dx, dy, dz) in zip(AORTA_PATH_MM, _ELONGATION, strict=True)
    ]
    wide = traits.aortic_dilatation - 1
    radii = [r * traits.artery * (1 + wide * share) for r, share in zip(AORTA_RADII_MM, _DILATATION, strict=True)]
    whole = tube(path, radii)
    first, last = whole.fraction_near(ARCH_START_MM), whole.fraction_near(ARCH_END_MM)
    return {
        "ascending_aorta": whole.between(0, first),
        "aortic_arch": whole.between(first, last),
        "descending_aorta": whole.between(last, 1),
    }


def arch_branches(traits: Variation) -> dict[str, Tube]:
    """Brachiocephalic trunk, common carotid and subclavian arteries, by the patient's branching of the arch."""
    fork, up = (-14, -23, 80), traits.aortic_elongation_mm
    paths: dict[str, tuple[list[PointMm], float]] = {
        "brachiocephalic_trunk": ([(9, -20, 40 + up), (5, -24, 54 + up / 2), (-5, -25, 69), fork], 6.0),
        "common_carotid_artery_right": ([fork, (-20, -20, 96), (-23, -18, 116), (-24, -18, 135)], 3.7),
        "subclavian_artery_right": ([fork, (-24, -14, 91), (-46, -5, 99), (-80, -8, 96), (-120, -14, 92)], 4.6),
        "common_carotid_artery_left": (
            [(18, -9, 42 + up), (15, -15, 60 + up / 2), (16, -17, 80), (22, -18, 100), (24, -18, 135)],
            3.7,
        ),
        "subclavian_artery_left": (
            [(26, 6, 42 + up), (24, 4, 62 + up / 2), (26, 2, 84), (40, -3, 98), (80, -8, 97), (120, -14, 92)],
            4.8,
        ),
    }
    if traits.arch == "bovine":
        paths["common_carotid_artery_left"] = (
            [(7, -23, 50 + up / 2), (13, -20, 62), (17, -18, 82), (22, -18, 100), (24, -18, 135)], 3.7,
        )  # fmt: skip
    if traits.arch == "aberrant_right_subclavian":
        paths["brachiocephalic_trunk"] = (paths["brachiocephalic_trunk"][0], 4.6)
        paths["subclavian_artery_right"] = (
            [(31, 24, 36 + up), (22, 29, 47), (2, 29, 56), (-18, 22, 66), (-32, 6, 84), (-60, -6, 96),
             (-120, -14, 92)], 4.8,
        )  # fmt: skip
    return {name: tube(path, radius * traits.artery) for name, (path, radius) in paths.items()}


def small_arteries(traits: Variation) -> list[Tube]:
    """Vertebral and internal thoracic arteries: no organs of the table, but seen."""
    roots = {-1: (-30, -11, 93), 1: (30, 1, 90)}
    vertebral = [
        tube([roots[s], (22 * s, 2, 108), (20 * s, 7, 122), (19 * s, 9, 135)], 1.8 * traits.artery) for s in (-1, 1)
    ]
    if traits.arch == "left_vertebral":
        up = traits.aortic_elongation_mm
        vertebral[1] = tube(
            [(23, -2, 42 + up), (20, -4, 62), (21, -4, 84), (20, 2, 108), (19, 8, 135)], 2.2 * traits.artery
        )
    mammary = [
        tube([(24 * s, -30, 86), (20 * s, -44, 60), (20 * s, -58, 25), (20 * s, -72, -25), (21 * s, -84, -80)], 1.3)
        for s in (-1, 1)
    ]
    return [*vertebral, *mammary]


def pulmonary_arteries(scale: float) -> dict[str, Tube]:
    """Trunk, right artery behind the ascending aorta, left artery over the left main bronchus; to the hila."""
    paths: dict[str, tuple[list[PointMm], list[float]]] = {
        "pulmonary_trunk": ([(27, -49, -48), (30, -43, -34), (29.5, -31, -20), (26, -16, -11)], [13.4, 13, 12.8, 12]),
        "pulmonary_artery_left": (
            [(26, -16, -11), (33, 0, -4), (41, 17, -3), (51, 29, -13), (57, 35, -30), (58, 39, -48)],
            [11.5, 11, 10.4, 9.4, 8, 6.4],
        ),
        "pulmonary_artery_right": (
            [
                (23, -12, -13),
                (10, -1, -19),
                (-8, 2.5, -23),
                (-26, 4.5, -25),
                (-39, 11, -29),
                (-43, 22, -40),
                (-44, 31, -54),
            ],
            [10.5, 9.8, 9.4, 9.2, 8.6, 7.6, 6.2],
        ),
    }
    return {name: tube(path, [r * scale for r in radii]) for name, (path, radii) in paths.items()}


def veins(scale: float) -> dict[str, Tube]:
    """Caval, brachiocephalic, jugular and azygos veins."""
    confluence, right_angle, left_angle = (-24, -24, 40), (-33, -25, 86), (35, -29, 86)
    paths: dict[str, tuple[list[PointMm], float | list[float]]] = {
        "superior_vena_cava": ([confluence, (-26, -21, 20), (-27.5, -18, -5), (-28, -19, -30), (-28, -21, -46)], 9.4),
        "brachiocephalic_vein_right": ([confluence, (-28, -25, 62), right_angle], 7.0),
        "brachiocephalic_vein_left": ([(-23, -27, 42), (-10, -37, 48), (8, -39, 55), (24, -35, 68), left_angle], 6.2),
        "internal_jugular_vein_right": ([right_angle, (-32, -20, 106), (-33, -17, 135)], 5.8),
        "internal_jugular_vein_left": ([left_angle, (32, -21, 106), (33, -17, 135)], 5.2),
        "inferior_vena_cava": ([(-27, -14, -92), (-25, -9, -112), (-24, -4, -150), (-22, 2, -215)], 11.5),
    }
    return {name: tube(path, radius * scale) for name, (path, radius) in paths.items()}  # type: ignore[operator]


def subclavian_veins(scale: float) -> dict[str, Tube]:
    """The subclavian veins by side, in front of the arteries and behind the clavicles."""
    return {
        name: tube([(34 * s, -28, 86), (52 * s, -28, 88), (85 * s, -26, 88), (120 * s, -26, 84)], 5.2 * scale)
        for name, s in (("subclavian_vein_right", -1), ("subclavian_vein_left", 1))
    }


def azygos(scale: float) -> dict[str, Tube]:
    """Azygos vein on the right front of the spine, and its arch over the right main bronchus into the cava."""
    column = [(-11, 15, -215), (-13, 22, -160), (-12, 30, -125), (-11, 37, -90), (-10, 39.5, -50), (-10, 38, -20)]
    turn = [(-11, 35, -2), (-14, 30, 8)]
    arch = [(-14, 30, 8), (-20.5, 20, 13.5), (-25, 6, 14.5), (-26.5, -7, 12), (-26.5, -15, 9)]
    return {
        "azygos_vein": tube([*column, *turn], [2.6, 3, 3.4, 3.7, 4, 4.2, 4.4, 4.6]),
        "azygos_arch": tube(arch, [r * scale for r in (4.6, 4.8, 5, 5, 5)]),
    }


def hemiazygos() -> list[Tube]:
    """Hemiazygos vein behind the descending aorta and its crossing to the azygos vein at T8."""
    return [
        tube([(14, 22, -200), (15, 32, -150), (17, 45, -105), (18, 55, -70)], [1.6, 1.8, 2.0, 2.0]),
        tube([(18, 55, -70), (6, 44.5, -66), (-8, 39.5, -62)], 1.9),
    ]


def pulmonary_veins(scale: float, *, common_left: bool = False) -> dict[str, list[Tube]]:
    """Pulmonary veins from the left atrium to the hila, inferior ones apart.

    Args:
        scale: Of the caliber.
        common_left: The left veins enter by a common trunk.
    """
    k = scale
    superior = [
        tube([(-22, 8, -47), (-38, -1, -41), (-50, -8, -30), (-58, -12, -14)], [7 * k, 6.4 * k, 5 * k, 3.6 * k]),
        tube([(25, 8, -45), (38, 3, -36), (51, -6, -28), (62, -12, -12)], [7.4 * k, 7 * k, 5.4 * k, 3.6 * k]),
    ]
    left_root = (28, 13, -54) if common_left else (22, 17, -59)
    if common_left:
        superior.append(tube([(18, 11, -53), (30, 12, -53)], 9.5 * k))
        superior[1] = tube(
            [(27, 10, -51), (39, 3, -39), (51, -6, -28), (62, -12, -12)], [7 * k, 6.8 * k, 5.4 * k, 3.6 * k]
        )
    return {
        "inferior_pulmonary_vein_right": [
            tube([(-20, 19, -60), (-36, 29, -65), (-50, 38, -69)], [7 * k, 6 * k, 4.6 * k])
        ],
        "inferior_pulmonary_vein_left": [tube([left_root, (38, 25.5, -63), (54, 35, -68)], [7 * k, 6 * k, 4.6 * k])],
        "superior": superior,
    }


def ligamentum_arteriosum(traits: Variation) -> Tube:
    """The band from the left pulmonary artery's origin to the underside of the arch at the isthmus."""
    up = 0.5 * traits.aortic_elongation_mm
    path = [(31, 2, 4), (32.2, 9, 12), (33, 17, 19.5 + up), (33.5, 24, 24 + up)]
    return tube(path, [2.6, 1.9, 1.8, 2.4], stretch=(0.85, 1, 1.25), step_mm=2)
