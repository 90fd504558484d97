"""Great vessels of an average adult, in the frame of ``central``."""

from __future__ import annotations

from LNStationLib.phantom.shapes import Tube, tube
from LNStationLib.types import PointMm

ARCH_START = (6.0, -21.0, 27.0)
ARCH_END = (34.5, 43.0, 14.0)
AORTA_PATH = (
    (5, -24, -50), (4, -30, -32), (2, -28, -6), (4, -24, 17), (11, -17, 32), (21.5, -3, 38), (29, 15, 36.5),
    (34, 32, 28), (35, 43, 12), (34, 47, -8), (32, 48, -30), (28, 43, -68), (22, 30, -98), (13, 17.5, -126),
    (6, 9, -160), (2, 4, -215),
)  # fmt: skip
AORTA_RADII = (14.5, 15.6, 15.6, 15.6, 14.8, 13.8, 13.4, 12.8, 12.4, 12.2, 12, 11.7, 11.3, 10.8, 10.4, 10)


def aorta(scale: float) -> dict[str, Tube]:
    """The aorta in its three parts, cut across its course at the trunk's origin and at the isthmus."""
    whole = tube(AORTA_PATH, [r * scale for r in AORTA_RADII])
    first, last = whole.fraction_near(ARCH_START), whole.fraction_near(ARCH_END)
    return {
        "ascending_aorta": whole.between(0, first),
        "aortic_arch": whole.between(first, last),
        "descending_aorta": whole.between(last, 1),
    }


def arch_branches(scale: float) -> dict[str, Tube]:
    """Brachiocephalic trunk, common carotid and subclavian arteries."""
    fork = (-14, -23, 80)
    paths: dict[str, tuple[list[PointMm], float]] = {
        "brachiocephalic_trunk": ([(9, -20, 40), (5, -24, 54), (-5, -25, 69), fork], 6.0),
        "common_carotid_artery_right": ([fork, (-20, -20, 96), (-23, -18, 116), (-24, -18, 135)], 3.7),
        "subclavian_artery_right": ([fork, (-24, -14, 91), (-46, -5, 99), (-80, -8, 96), (-120, -14, 92)], 4.6),
        "common_carotid_artery_left": (
            [(18, -9, 42), (15, -15, 60), (16, -17, 80), (22, -18, 100), (24, -18, 135)],
            3.7,
        ),
        "subclavian_artery_left": (
            [(26, 6, 42), (24, 4, 62), (26, 2, 84), (40, -3, 98), (80, -8, 97), (120, -14, 92)],
            4.8,
        ),
    }
    return {name: tube(path, radius * scale) for name, (path, radius) in paths.items()}


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
    paths: dict[str, tuple[list[PointMm], float]] = {
        "superior_vena_cava": ([confluence, (-26, -21, 20), (-27.5, -18, -5), (-28, -19, -30), (-28, -21, -46)], 9.4),
        "brachiocephalic_vein_right": ([confluence, (-28, -25, 62), right_angle], 7.0),
        "brachiocephalic_vein_left": ([(-23, -27, 42), (-10, -37, 48), (8, -39, 55), (24, -35, 68), left_angle], 6.2),
        "internal_jugular_vein_right": ([right_angle, (-32, -20, 106), (-33, -17, 135)], 5.8),
        "internal_jugular_vein_left": ([left_angle, (32, -21, 106), (33, -17, 135)], 5.2),
        "inferior_vena_cava": ([(-27, -14, -92), (-25, -9, -112), (-24, -4, -150), (-22, 2, -215)], 11.5),
    }
    return {name: tube(path, radius * scale) for name, (path, radius) in paths.items()}


def subclavian_veins(scale: float) -> list[Tube]:
    """The subclavian veins, in front of the arteries and behind the clavicles."""
    return [
        tube([(34 * s, -28, 86), (52 * s, -28, 88), (85 * s, -26, 88), (120 * s, -26, 84)], 5.2 * scale)
        for s in (-1, 1)
    ]


def azygos(scale: float) -> dict[str, Tube]:
    """Azygos vein on the right front of the spine, and its arch over the right main bronchus into the cava."""
    column = [(-11, 15, -215), (-13, 22, -160), (-12, 30, -125), (-11, 37, -90), (-10, 39.5, -50), (-10, 38, -20)]
    turn = [(-11, 35, -2), (-14, 30, 8)]
    arch = [(-14, 30, 8), (-20.5, 20, 13.5), (-25, 6, 14.5), (-26.5, -7, 12), (-26.5, -15, 9)]
    return {
        "azygos_vein": tube([*column, *turn], [2.6, 3, 3.4, 3.7, 4, 4.2, 4.4, 4.6]),
        "azygos_arch": tube(arch, [r * scale for r in (4.6, 4.8, 5, 5, 5)]),
    }


def pulmonary_veins(scale: float) -> dict[str, list[Tube]]:
    """Pulmonary veins from the left atrium to the hila, inferior ones apart."""
    k = scale
    return {
        "inferior_pulmonary_vein_right": [
            tube([(-20, 19, -60), (-36, 29, -65), (-50, 38, -69)], [7 * k, 6 * k, 4.6 * k])
        ],
        "inferior_pulmonary_vein_left": [
            tube([(22, 17, -59), (38, 25.5, -63), (54, 35, -68)], [7 * k, 6 * k, 4.6 * k])
        ],
        "superior": [
            tube([(-22, 8, -47), (-38, -1, -41), (-50, -8, -30), (-58, -12, -14)], [7 * k, 6.4 * k, 5 * k, 3.6 * k]),
            tube([(26, 8, -46), (42, 0, -40), (54, -8, -28), (62, -12, -12)], [7 * k, 6.2 * k, 5 * k, 3.6 * k]),
        ],
    }


def ligamentum_arteriosum() -> Tube:
    """The cord from the left pulmonary artery's origin to the underside of the arch at the isthmus."""
    return tube([(31, 3, 5), (32.5, 17, 20), (33, 24, 24)], 1.6)
