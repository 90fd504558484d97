"""Every trait's shapes, brought into the shapes of a patient who has it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from LNStationLib.phantom.anatomy.shapes import Shape, Tube
from LNStationLib.phantom.anatomy.traits import PresentTrait
from LNStationLib.phantom.anatomy.variants import heart_base, hernia, neck, right_arch, shifts, spinal_veins
from LNStationLib.phantom.anatomy.variation import Variation

GOITER_NODULES, HERNIA = "goiter_nodules", "hernia"
"""Groups that only patients with these traits have."""
_MOVED_GROUPS = ("mediastinal_fat", "coronary_vessels", "esophageal_air", "hemiazygos", HERNIA)
"""Groups that pleural disease moves."""


def varied_organs(shapes: dict[str, Shape], variation: Variation) -> dict[str, Shape]:
    """The organs of a patient with the patient's anatomical traits; those without any come back as they are."""
    steps: Sequence[tuple[str, Callable[[dict[str, Shape], PresentTrait], dict[str, Shape]]]] = (
        ("right_arch", lambda s, t: right_arch.right_arch(s, variation, t)),
        ("aberrant_right_subclavian", lambda s, t: right_arch.aberrant_right_subclavian(s, variation)),
        ("aortic_root", lambda s, t: heart_base.aortic_root(s, variation, t)),
        ("spinal_veins", spinal_veins.azygos_course),
        ("pulmonary_vein_ostia", lambda s, t: heart_base.vein_ostia(s, variation, t)),
        ("neck_vessels", lambda s, t: neck.neck_vessels(s, variation, t)),
        ("goiter", neck.goiter),
        ("hiatal_hernia", _shortened_esophagus),
    )
    for name, step in steps:
        trait = variation.trait(name)  # type: ignore[arg-type]
        if trait is not None:
            shapes = step(shapes, trait)
    return shifts.with_shift(shapes, variation)


def _shortened_esophagus(shapes: dict[str, Shape], trait: PresentTrait) -> dict[str, Shape]:
    """The esophagus as far as the hernia."""
    whole = shapes["esophagus"]
    if not isinstance(whole, Tube):
        return shapes
    above = int((whole.points[:, 2] > hernia.top_mm(trait)).sum())
    return shapes | {"esophagus": whole.between(0, above / (len(whole.points) - 1))}


def varied_groups(
    groups: dict[str, list[Shape]], variation: Variation, organs: Mapping[str, Shape]
) -> dict[str, list[Shape]]:
    """The groups of a patient with the patient's anatomical traits; the lists that come in stay as they are."""
    result = dict(groups)
    if trait := variation.trait("neck_vessels"):
        small = neck.small_neck_vessels(trait, dict(organs))
        result[neck.NECK_VEINS] = list(small[neck.NECK_VEINS])
        result["small_arteries"] = [*groups["small_arteries"], *small["small_arteries"]]
    if trait := variation.trait("neck_muscles"):
        result |= neck.neck_muscles(trait)
    if trait := variation.trait("goiter"):
        result[GOITER_NODULES] = neck.goiter_nodules(trait)
    if trait := variation.trait("hiatal_hernia"):
        result[HERNIA] = [hernia.hernia(trait)]
    if trait := variation.trait("spinal_veins"):
        result["hemiazygos"] = list(spinal_veins.left_column(trait, organs["azygos_vein"]))
    if variation.trait("right_arch"):
        result["esophageal_air"] = [
            shifts.moved(part, right_arch.PUSH_ESOPHAGUS) for part in groups["esophageal_air"]
        ]
    if field := shifts.mediastinal_field(variation):
        result |= {n: [shifts.moved(part, field) for part in result[n]] for n in _MOVED_GROUPS if n in result}
    return result
