"""Classes of networks: what a voxel may be, with all organs drawn, with some, and with wholes in place of parts."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="the 'networks' packages are not installed")

from lnstation_training.segmentation.classes import (  # noqa: E402
    ClassSet,
    class_set,
    class_set_names,
    package_unions,
    paint_order,
)
from LNStationLib import anatomy  # noqa: E402
from LNStationLib.models.package import find_package, read_manifest  # noqa: E402
from LNStationLib.support.errors import InputError  # noqa: E402


def allowed(classes: ClassSet, organ: str | None, annotated: tuple[str, ...] | None) -> set[str]:
    value = 0 if organ is None else anatomy.organ(organ).label_value
    row = classes.allowed(annotated)[value]
    return {name for name, possible in zip(classes.names, row, strict=True) if possible}


@pytest.mark.parametrize("name", class_set_names())
def test_every_class_is_of_organs_of_the_table_and_no_organ_is_in_two(name: str) -> None:
    classes = class_set(name)
    members = [organ for each in classes.members for organ in each]
    assert len(members) == len(set(members))
    assert set(members) <= {row.name for row in anatomy.organs()}
    assert classes.names[0] == "background"
    assert classes.colors().shape == (len(classes), 3)


def test_anchors_and_non_anchors_part_the_organs() -> None:
    anchors, others = (set(class_set(name).names[1:]) for name in ("anchor", "non_anchor"))
    assert not anchors & others
    assert anchors | others == set(class_set("organs").names[1:])


def test_the_classes_of_organs_are_those_of_the_shipped_package_in_its_order() -> None:
    section = read_manifest(find_package("organs-ct")).section
    classes = class_set("organs")
    assert tuple(section.classes["all"]) == classes.names
    assert section.organ_unions == package_unions(classes)


def test_with_all_organs_drawn_a_voxel_has_one_class() -> None:
    classes = class_set("organs")
    assert allowed(classes, "ventricle_left", None) == {"heart"}
    assert allowed(classes, "lung_middle_lobe_right", None) == {"lung_right"}
    assert allowed(classes, "mediastinum", None) == {"background"}


def test_bronchi_within_the_lung_may_be_told_as_lung() -> None:
    assert allowed(class_set("organs"), "airways", None) >= {"background", "lung_left", "lobar_bronchi"}


def test_what_was_not_drawn_may_be_anywhere_but_in_what_was() -> None:
    classes = class_set("organs")
    assert allowed(classes, None, ("heart", "esophagus")) >= {"background", "trachea", "spine"}
    assert "esophagus" not in allowed(classes, None, ("heart", "esophagus"))
    assert allowed(classes, "esophagus", ("heart", "esophagus")) == {"esophagus"}


def test_a_drawn_aorta_is_one_of_its_parts_and_never_background() -> None:
    parts = {"ascending_aorta", "aortic_arch", "descending_aorta"}
    assert allowed(class_set("organs"), "aorta", ("aorta",)) == parts
    assert not allowed(class_set("organs"), None, ("aorta",)) & parts


def test_a_part_drawn_beside_its_whole_is_not_the_whole() -> None:
    both = ("heart", "atrium_left")
    assert allowed(class_set("organs"), "heart", both) == {"heart"}
    assert allowed(class_set("organs"), "heart", ("heart",)) == {"heart", "atrium_left"}


def test_lobes_that_were_all_drawn_make_the_lung_a_drawn_organ() -> None:
    lobes = ("lung_upper_lobe_left", "lung_lower_lobe_left")
    assert "lung_left" not in allowed(class_set("organs"), None, lobes)
    assert "lung_right" in allowed(class_set("organs"), None, lobes)


def test_wholes_are_painted_before_their_parts() -> None:
    places = {row.name: place for place, row in enumerate(paint_order())}
    for row in anatomy.organs():
        assert all(places[row.name] < places[part] for part in row.parts)


def test_an_unknown_set_is_named_with_those_there_are() -> None:
    with pytest.raises(InputError, match="There is no set of classes 'bones': choose organs, anchor, non_anchor"):
        class_set("bones")
