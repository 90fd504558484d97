"""What packages of organs and stations say, and what they may not say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from models.volume_packages import CLASSES, LOBAR, SPEC, entry, organ_section, stratified_section, volume_manifest

from LNStationLib.models.package import StationSegmentation, WeightsFile, read_manifest
from LNStationLib.models.package.card import card_rows
from LNStationLib.support.resources import resource_path

FILE = WeightsFile(sha256="0" * 64, n_bytes=1)


def stations_section(**changes: Any) -> StationSegmentation:
    fields: dict[str, Any] = {
        "volumes": {"stations": {**SPEC, "channels": ["ct_soft", "organ:aorta", "organ:heart"]}},
        "classes": {"stations": ["background", "4R", "7"]},
    }
    return StationSegmentation(**{**fields, **changes})


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"classes": {"all": ["background", "lung_left", "soul"]}, "joint_classes": {}}, "unknown organs soul"),
        (
            {"classes": {"all": ["lung_left", "heart"]}, "joint_classes": {}},
            "first class of all must be 'background'",
        ),
        ({"classes": {"all": ["background"]}, "joint_classes": {}}, "with one or more after it"),
        ({"classes": {"all": ["background", "heart", "heart"]}, "joint_classes": {}}, "named twice: heart"),
        ({"classes": {"main": CLASSES}}, "networks must be all, or anchor and non_anchor"),
        ({"joint_classes": {}}, "unknown organs lobar_bronchi"),
        ({"joint_classes": {"lobar_bronchi": ["left_bronchus"]}}, "joint_classes: unknown organs left_bronchus"),
        ({"joint_classes": {**LOBAR, "heart": ["aorta"]}}, "joint_classes: unknown organs heart"),
        ({"organ_unions": {"aortas": ["heart"]}}, "organ_unions: unknown organs aortas"),
        ({"organ_unions": {"aorta": ["aortic_arch"]}}, "aorta is of classes that no network has together"),
        ({"volumes": {"all": {**SPEC, "spacing_mm": [0, 2, 2]}}}, "between 0.3 and 10.0 mm"),
        ({"volumes": {"all": {**SPEC, "patch": [0, 2, 2]}}}, "must be positive"),
        ({"volumes": {"all": {**SPEC, "channels": ["organ:heart"]}}}, "needs organs that no network before it finds"),
        ({"volumes": {"all": SPEC, "anchor": SPEC}}, "volumes are given for all, anchor"),
    ],
)
def test_a_faulty_section_of_organs_is_refused(changes: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        organ_section(**changes)


def test_an_organ_is_a_class_or_the_union_of_several() -> None:
    section = organ_section(
        classes={"all": ["background", "ascending_aorta", "heart", "aortic_arch", "atrium_left"]},
        joint_classes={},
        organ_unions={"aorta": ["ascending_aorta", "aortic_arch"], "heart": ["heart", "atrium_left"]},
    )
    found = section.organs_of("all")
    assert found["aorta"] == (1, 3)
    assert found["heart"] == (2, 4)
    assert found["atrium_left"] == (4,)


def test_a_class_that_stands_for_several_organs_is_none_of_them() -> None:
    assert set(organ_section().organs_of("all")) == {"lung_left", "heart"}


def test_a_stratified_pair_passes_organs_from_the_anchors_on_only() -> None:
    section = stratified_section()
    assert section.network_roles == ("anchor", "non_anchor")
    assert section.network_input("non_anchor").channels == ("ct_soft", "organ:heart")
    turned = section.model_dump()
    turned["volumes"]["anchor"]["channels"] = ["organ:esophagus"]
    with pytest.raises(ValueError, match="anchor needs organs that no network before it finds: esophagus"):
        type(section).model_validate(turned)
    twice = section.model_dump()
    twice["classes"]["non_anchor"] = ["background", "heart"]
    with pytest.raises(ValueError, match="two networks find heart"):
        type(section).model_validate(twice)


def test_networks_must_have_the_section_s_roles_and_number_of_classes() -> None:
    assert volume_manifest(organ_section(), {"all": FILE}).networks[0].role == "all"
    with pytest.raises(ValueError, match="the task has networks all, the package has anchor"):
        volume_manifest(organ_section(), {}, networks=[entry("anchor", 4, FILE)])
    with pytest.raises(ValueError, match="network all has 3 classes, and 4 are named"):
        volume_manifest(organ_section(), {}, networks=[entry("all", 3, FILE)])


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"classes": {"stations": ["background", "4X"]}}, "unknown stations 4X"),
        ({"classes": {"all": ["background", "4R"]}}, "the network must be stations"),
        ({"classes": {"stations": ["4R", "7"]}}, "must be 'background'"),
    ],
)
def test_a_faulty_section_of_stations_is_refused(changes: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        stations_section(**changes)


def test_a_section_of_stations_says_which_organs_it_must_be_given() -> None:
    section = stations_section()
    assert section.stations == ["4R", "7"]
    assert section.organs == ("aorta", "heart")


def test_the_card_names_organs_channels_and_grid() -> None:
    rows = {row.title: row.lines for row in card_rows(volume_manifest(organ_section(), {"all": FILE}))}
    assert rows["Organs"] == ("lung_left, heart, lobar_bronchi",)
    assert "lobar_bronchi: upper_lobe_bronchus_left, lower_lobe_bronchus_left in one" in rows["Made up of several"]
    assert rows["Grid"] == ("voxels of 4 x 4 x 4 mm, patches of 32 x 16 x 16",)
    of_two = {
        row.title
        for row in card_rows(
            volume_manifest(
                stratified_section(),
                {"anchor": FILE, "non_anchor": FILE.model_copy(update={"file": "b.safetensors"})},
            )
        )
    }
    assert {"Organs of anchor", "Organs of non_anchor"} <= of_two


def test_the_shipped_package_finds_what_stations_need() -> None:
    manifest = read_manifest(Path(resource_path("Models", "organs-ct.zip")))
    found = manifest.section.organs_of("all")
    needed = {"trachea", "aorta", "aortic_arch", "pulmonary_artery", "heart", "superior_vena_cava", "esophagus"}
    assert needed <= set(found)
    assert len(manifest.section.classes["all"]) == 42
    assert manifest.trained_on == "synthetic"
