"""All shapes of one patient by name, gathered from the parts of the body; tumor, fat pads and abdomen."""

from __future__ import annotations

from functools import lru_cache

from LNStationLib.phantom.anatomy import arms, central, heart, muscles, skeleton, vessels
from LNStationLib.phantom.anatomy.shapes import Blend, Ellipsoid, Shape, Tube, tube
from LNStationLib.phantom.anatomy.variants.apply import varied_groups, varied_organs
from LNStationLib.phantom.anatomy.variation import Variation

TUMOR = Blend(
    (
        Ellipsoid((-72, 2, 20), (16, 14, 15)), Ellipsoid((-80, 8, 26), (11, 12, 10)),
        Ellipsoid((-66, -6, 14), (10, 9, 11)),
        tube([(-80, 8, 24), (-100, 20, 34)], [4, 0.5]), tube([(-72, -4, 26), (-76, -16, 42)], [4, 0.5]),
    ),
    6.0,
)  # fmt: skip
"""A spiculated tumor of the right upper lobe, for an anatomy without a plan."""


def organ_shapes(variation: Variation) -> dict[str, Shape]:
    """Return the shapes of organs by canonical name, and of a few parts of them, in the frame of ``central``."""
    return dict(_organ_shapes(variation))


# Splines cost more than they look, and anatomy and station truth ask for the same patient several times over.
@lru_cache(maxsize=4)
def _organ_shapes(variation: Variation) -> dict[str, Shape]:
    shapes: dict[str, Shape] = {}
    shapes |= central.airway_tubes()
    shapes |= central.neck_organs()
    shapes["esophagus"] = central.esophagus()
    shapes |= vessels.aorta(variation)
    shapes |= vessels.arch_branches(variation)
    shapes |= vessels.pulmonary_arteries(variation.artery)
    shapes |= vessels.veins(variation.vein)
    shapes |= vessels.azygos(variation.vein)
    for name, tubes in vessels.pulmonary_veins(variation.vein, common_left=variation.common_left_vein).items():
        shapes["superior_pulmonary_veins" if name == "superior" else name] = Blend(tuple(tubes))
    shapes["ligamentum_arteriosum"] = vessels.ligamentum_arteriosum(variation)
    shapes |= heart.chambers()
    shapes["myocardium"] = heart.left_myocardium()
    shapes["heart_outline"] = heart.envelope()
    shapes["spinal_cord"] = skeleton.spinal_cord()
    shapes["canal"] = skeleton.spinal_canal()
    shapes["clavicle_left"], shapes["clavicle_right"] = skeleton.clavicle(1), skeleton.clavicle(-1)
    parts = skeleton.sternum()
    shapes["manubrium"], shapes["sternal_body"] = parts["manubrium"], parts["body"]
    shapes["tumor"] = TUMOR
    return varied_organs(shapes, variation) if variation.present else shapes


def group_shapes(variation: Variation | None = None) -> dict[str, list[Shape]]:
    """Return the shapes that are no organ of the table but must be seen, by group.

    Args:
        variation: The patient's traits; without them the average adult's groups that do not depend on traits.
    """
    return dict(_group_shapes(variation))


@lru_cache(maxsize=4)
def _group_shapes(variation: Variation | None) -> dict[str, list[Shape]]:
    ribs = [skeleton.ribs(side) for side in (-1, 1)]
    groups: dict[str, list[Shape]] = {
        "ribs": [rib for bones, _ in ribs for rib in bones],
        "cartilage": [piece for _, pieces in ribs for piece in pieces],
        "subclavian_veins": list(vessels.subclavian_veins(variation.vein if variation else 1.0).values()),
        "neck_muscles": [muscle for side in (-1, 1) for muscle in _neck_muscles(side)],
        "esophageal_air": [
            tube([(6, 17, 36), (6, 21, 24)], [0.8, 1.6]),
            tube([(6, 34, -30), (5.5, 34.5, -42)], [1.5, 0.8]),
        ],
        "mediastinal_fat": [
            tube(
                [(0, -40, 60), (1, -50, 40), (3, -55, 10), (4, -64, -20), (6, -76, -45)],
                [7, 9, 9, 7, 6],
                stretch=(1, 1.6, 1),
            ),
            tube([(8, -78, -70), (10, -80, -100), (20, -74, -122)], [9, 10, 12], stretch=(1.4, 1, 1)),
            tube([(0, 20, -8), (4, 20, -22), (6, 20, -36)], [6, 9, 11], stretch=(1.7, 1, 1)),
            tube([(22, 2, 24), (30, 12, 13), (34, 22, 2)], [8, 10, 9], stretch=(1, 1.2, 1)),
            tube([(-13, -8, 30), (-13, -4, 10), (-12, -3, -12)], [7, 9, 9]),
            tube([(28, 3, -14), (28, 5, -27), (27, 6, -40)], [6, 7, 6]),
            tube([(-4, 2, -80), (0, 0, -96), (6, -2, -116)], [10, 13, 15], stretch=(1.2, 1, 1)),
        ],
        "coronary_vessels": list(heart.coronary_vessels()),
        "hemiazygos": list(vessels.hemiazygos()),
    }
    if variation is not None:
        groups |= _trait_groups(variation)
        if variation.present:
            return varied_groups(groups, variation, organ_shapes(variation))
    return groups


def _trait_groups(variation: Variation) -> dict[str, list[Shape]]:
    raised = variation.arms == "up"
    sides = (-1, 1)
    return {
        **{name: [vein] for name, vein in vessels.subclavian_veins(variation.vein).items()},
        "small_arteries": list(vessels.small_arteries(variation)),
        "scapulae": [skeleton.scapula(side, raised=raised) for side in sides],
        "humeri": [_humerus(variation, side) for side in sides],
        "back_muscles": [muscle for side in sides for muscle in muscles.back_muscles(side)],
        "shoulder_muscles": [muscle for side in sides for muscle in _shoulder_muscles(variation, side)],
    }


def _humerus(variation: Variation, side: int) -> Shape:
    if variation.arms == "beside":
        return arms.humerus(side, variation.fat_mm)
    return skeleton.humerus(side, raised=variation.arms == "up")


def _shoulder_muscles(variation: Variation, side: int) -> list[Shape]:
    if variation.arms == "beside":
        return [muscles.supraspinatus(side, raised=False), *arms.muscles(side, variation.fat_mm)]
    return muscles.shoulder_muscles(side, raised=variation.arms == "up")


def _neck_muscles(side: int) -> list[Tube]:
    s = side
    return [
        tube([(46 * s, -4, 140), (42 * s, -28, 112), (22 * s, -49, 76)], [9, 8, 6], stretch=(1.2, 1, 1)),
        tube([(24 * s, 6, 140), (34 * s, 2, 112), (46 * s, 4, 92)], [7, 7, 6]),
        tube([(8 * s, -3, 140), (8 * s, 2, 100), (8 * s, 12, 68)], [4.2, 4.4, 2.5]),
        tube([(9 * s, -31, 122), (9 * s, -36, 98), (9 * s, -46, 74)], [3.6, 3.4, 3], stretch=(1.6, 1, 1)),
    ]
