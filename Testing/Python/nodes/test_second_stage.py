"""The second stage: tags by their formulas, patches, and what is rejected with which reasons."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from models.volume_packages import entry, volume_manifest, write_volumes
from nodes.test_find_nodes import chest, stations_on
from nodes.test_node_network import with_balls
from nodes.test_significant_nodes import FROC, SPACING_MM, StandIn, pet_of, stream_section, tumor_of
from states import said, with_stations

torch = pytest.importorskip("torch", reason="the 'networks' packages are not installed")

from LNStationLib.case.case import Case  # noqa: E402
from LNStationLib.models.package import (  # noqa: E402
    NetworkEntry,
    NodeCandidates,
    WeightsFile,
    read_package,
    write_package,
)
from LNStationLib.models.package.joining import join_packages  # noqa: E402
from LNStationLib.models.runtime import candidate_judge, segmentation  # noqa: E402
from LNStationLib.networks.candidate_classification.glnet import GlNet, roi_mean  # noqa: E402
from LNStationLib.networks.candidate_classification.random_views import RandomViews  # noqa: E402
from LNStationLib.nodes.find import find_nodes  # noqa: E402
from LNStationLib.nodes.network import SWITCH  # noqa: E402
from LNStationLib.nodes.tags import TAGS, UNKNOWN, TagScene, candidate_tags, tag_vector  # noqa: E402
from LNStationLib.sampling.candidate_patch import (  # noqa: E402
    CandidatePatchSpec,
    candidate_patch,
    cut,
    region_around,
)
from LNStationLib.state.settings import Settings, StepSettings  # noqa: E402
from LNStationLib.support.errors import InputError  # noqa: E402

SHAPE, SPACING = (20, 40, 40), (2.0, 1.0, 1.0)


@pytest.fixture(autouse=True)
def wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other tests rule the network out."""
    monkeypatch.delenv(SWITCH, raising=False)


def scene(**changes: Any) -> TagScene:
    """A cube of 60 HU, 8 x 8 x 8 mm, in station 4R, and a small one 12 mm beside it; fat around, aorta behind."""
    hu, labels, stations = np.full(SHAPE, -100.0, np.float32), np.zeros(SHAPE, np.uint16), np.zeros(SHAPE, np.uint8)
    labels[8:12, 16:24, 16:24], labels[9:11, 18:22, 30:34] = 1, 2
    hu[labels > 0] = 60
    stations[:, :, :28] = 7
    aorta = np.zeros(SHAPE, bool)
    aorta[:, 29:33, 16:24] = True
    fields: dict[str, Any] = {
        "spacing_mm": SPACING,
        "hu": hu,
        "candidates": labels,
        "stations": stations,
        "organs": {"aorta": aorta, "blood": aorta},
    }
    return TagScene(**{**fields, **changes})


def test_tags_follow_their_formulas() -> None:
    tags = candidate_tags(scene())[1]
    assert (tags["station_4R"], tags["station_7"], tags["side_R"], tags["side_L"]) == (1, 0, 1, 0)
    assert tags["aorta_mm"] == pytest.approx(6.0)
    assert tags["hu_mean"] == pytest.approx(60)
    assert tags["hu_sd"] == pytest.approx(0, abs=1e-3)
    assert tags["margin_hu"] == pytest.approx(160)
    assert (tags["fat_part"], tags["necrosis_part"], tags["calcium_part"], tags["blood_contact"]) == (0, 0, 0, 0)
    assert tags["volume_ml"] == pytest.approx(0.512)
    assert tags["short_mm"] == pytest.approx(10.5, abs=1.0), "the diagonal half of a square"
    assert tags["tubularity"] == pytest.approx(0, abs=0.1)
    assert tags["neighbors"] == 1


def test_what_a_patient_does_not_allow_is_absent_and_told_apart_from_0() -> None:
    tags = candidate_tags(scene())[1]
    assert not {"suv_max", "suv_over_blood", "tumor_mm", "esophagus_mm", "wall_contact"} & set(tags)
    vector = dict(zip(TAGS, tag_vector(tags, list(TAGS)), strict=True))
    assert vector["suv_max"] == vector["tumor_mm"] == vector["esophagus_mm"] == UNKNOWN
    assert vector["station_7"] == 0
    assert all(0 <= value <= 3 for name, value in vector.items() if name in tags)
    suv = np.full(SHAPE, 2.0, np.float32)
    suv[8:12, 16:24, 16:24] = 7
    with_pet = candidate_tags(scene(pet=suv, tumor_distance_mm=np.full(SHAPE, 33.0)))[1]
    assert (with_pet["suv_max"], with_pet["suv_over_blood"], with_pet["tumor_mm"]) == (7, 3.5, 33)
    suv[9, 18, 18] = np.nan
    assert "suv_max" not in candidate_tags(scene(pet=suv))[1], "PET that covers a part only is not reported"


def test_tags_tell_tubes_necrosis_calcium_and_vessels() -> None:
    base = scene()
    labels = np.zeros_like(base.candidates)
    labels[10:12, 20:22, 4:36] = 3
    tube = candidate_tags(scene(candidates=labels))[3]
    assert tube["tubularity"] > 0.7
    assert tube["axis_ratio"] > 5
    hu = base.hu.copy()
    hu[9:11, 18:22, 18:22] = 5
    assert candidate_tags(scene(hu=hu))[1]["necrosis_part"] > 0.3
    hu[8:12, 16:18, 16:24] = 400
    assert candidate_tags(scene(hu=hu))[1]["calcium_part"] == pytest.approx(0.25)
    hu = np.where(base.candidates == 1, 60, 200).astype(np.float32)
    assert candidate_tags(scene(hu=hu))[1]["blood_contact"] == 1


def test_a_mirrored_patient_has_the_tags_of_the_other_side() -> None:
    base = scene()
    stations = np.where(base.stations == 7, 8, base.stations).astype(np.uint8)
    flipped = TagScene(
        SPACING,
        base.hu[..., ::-1].copy(),
        base.candidates[..., ::-1].copy(),
        stations[..., ::-1].copy(),
        {name: mask[..., ::-1].copy() for name, mask in base.organs.items()},
    )
    one, other = candidate_tags(base)[1], candidate_tags(flipped)[1]
    assert (one["side_R"], one["side_L"], other["side_R"], other["side_L"]) == (1, 0, 0, 1)
    same = [name for name in one if not name.startswith(("station", "side"))]
    assert [one[name] for name in same] == pytest.approx([other[name] for name in same], abs=1e-3)


def test_every_tag_has_a_formula() -> None:
    assert len(TAGS) > 40
    assert all(tag.formula and tag.title and tag.scale > 0 for tag in TAGS.values())
    with pytest.raises(KeyError):
        tag_vector({}, ["lesanet_17"])


# Patches


def test_a_patch_is_centered_and_a_large_candidate_keeps_its_margin() -> None:
    spec = CandidatePatchSpec(size=(8, 12, 12), margin=2)
    small = ((10, 12), (20, 23), (20, 24))
    assert region_around(small, spec) == ((7, 15), (15, 27), (16, 28))
    large = ((0, 30), (20, 23), (20, 24))
    region = region_around(large, spec)
    assert region[0] == (-2, 32)
    ct = np.full([b - a for a, b in region], 50.0, np.float32)
    made = candidate_patch({"ct": ct}, large, region, ("ct", "box"), spec)
    assert made.shape == (2, 8, 12, 12)
    assert np.allclose(made[0], 0.0)
    assert 0.5 < made[1].sum() / (8 * 3 * 4) < 1.1
    with pytest.raises(ValueError, match="image that is not there"):
        candidate_patch({"ct": ct}, large, region, ("pet", "box"), spec)


def test_beyond_the_array_lies_what_is_outside() -> None:
    part = cut(np.ones((4, 4, 4), np.float32), ((-1, 3), (2, 6), (10, 12)), -7.0)
    assert part.shape == (4, 4, 2)
    assert (part == -7).all()
    part = cut(np.ones((4, 4, 4), np.float32), ((-1, 3), (2, 6), (0, 2)), -7.0)
    assert (part[0] == -7).all()
    assert (part[1:, :2] == 1).all()
    assert (part[:, 2:] == -7).all()


# Networks


def test_pooling_is_the_mean_inside_the_box() -> None:
    box = torch.zeros(1, 1, 8, 8, 8)
    box[..., :4] = 1
    features = torch.zeros(1, 2, 4, 4, 4)
    features[:, 0, ..., :2], features[:, 1, ..., 2:] = 3.0, 5.0
    assert roi_mean(features, box).tolist() == [[3.0, 0.0]]


@pytest.mark.parametrize("arguments", [{"n_tags": 3}, {"n_tags": 0}, {"n_tags": 3, "local": False}])
def test_the_network_looks_at_patch_box_and_tags(arguments: dict[str, Any]) -> None:
    network = GlNet(3, filters=(4, 8), features=6, **arguments)
    patch, tags = torch.rand(2, 3, 8, 12, 12), torch.rand(2, 3)
    network(patch, tags).logits.sum().backward()
    assert [name for name, each in network.named_parameters() if each.grad is None] == []
    assert network(patch, tags).logits.shape == (2,)
    if arguments["n_tags"]:
        with pytest.raises(ValueError, match="3 tags"):
            network(patch)
    with pytest.raises(ValueError, match="beside that of the box"):
        GlNet(1)


def test_random_views_are_the_same_when_a_candidate_is_judged_and_drawn_anew_in_training() -> None:
    torch.manual_seed(0)
    network, patch = RandomViews(3, n_views=4, size=16, filters=(4, 8)), torch.rand(2, 3, 8, 12, 12)
    judged = network.eval()
    with torch.inference_mode():
        assert torch.equal(judged(patch).logits, judged(patch).logits)
        box_alone = patch.clone()
        box_alone[:, -1] = 0
        assert torch.equal(judged(patch).logits, judged(box_alone).logits)
        batch, single = judged(patch).logits, judged(patch[1:]).logits
        assert float(batch[1]) == pytest.approx(float(single[0]), abs=1e-5)
    network.train()(patch).logits.sum().backward()


# In the product


def stage(**changes: Any) -> NodeCandidates:
    fields: dict[str, Any] = {
        "channels": ["ct", "pet", "box"],
        "patch": {"spacing_mm": SPACING_MM, "size": (8, 12, 12), "margin": 2, "pet_suv": (1.0, 1.0)},
        "tags": ["short_mm", "suv_max"],
        "froc": FROC,
    }
    return NodeCandidates(**{**fields, **changes})


def write_stage(path: Path, section: NodeCandidates | None = None) -> Path:
    section = section or stage()
    arguments = {"filters": [4, 8], "features": 6, "n_tags": len(section.tags)}
    network = GlNet(len(section.channels), len(section.tags), (4, 8), 6)

    def card(weights: Any) -> Any:
        file = weights["second_stage"]
        entries = [NetworkEntry(role="second_stage", name="glnet", arguments=arguments, weights=file)]
        return volume_manifest(section, {}, networks=entries, package_id="stage")

    write_package(path, {"second_stage": network}, card)
    return path


def test_packages_are_joined_to_the_bit_and_what_does_not_go_together_is_refused(tmp_path: Path) -> None:
    streams = write_volumes(tmp_path / "streams.zip", stream_section(("pet",), visible=False))
    second = write_stage(tmp_path / "second.zip")
    card = join_packages([streams, second], tmp_path / "both.zip", "both", "1", "Both")
    both = read_package(tmp_path / "both.zip")
    assert [each.role for each in card.networks] == ["pet", "second_stage"]
    assert both.weights["pet"] == read_package(streams).weights["pet"]
    assert both.manifest.section.second_stage == stage()
    assert both.network("second_stage")(torch.zeros(1, 3, 8, 12, 12), torch.zeros(1, 2)).logits.shape == (1,)
    for paths, problem in (([streams, streams], "of the role pet"), ([second, second], "two packages or more")):
        with pytest.raises(InputError, match=problem):
            join_packages(paths, tmp_path / "no.zip", "no", "1", "No")
    other = write_stage(tmp_path / "other.zip", stage(patch={"spacing_mm": (5.0, 5.0, 5.0), "pet_suv": (1, 1)}))
    with pytest.raises(InputError, match="one spacing"):
        join_packages([streams, other], tmp_path / "no.zip", "no", "1", "No")


def test_the_second_stage_rejects_candidates_with_its_score_and_tags(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    section = stream_section(("pet",), visible=False)
    write_volumes(tmp_path / "streams.zip", section)
    joined = tmp_path / "both.zip"
    join_packages([tmp_path / "streams.zip", write_stage(tmp_path / "second.zip")], joined, "both", "1", "Both")
    monkeypatch.setattr(
        segmentation, "warm_segmenter", lambda *_: StandIn(section.model_copy(update={"second_stage": stage()}))
    )

    class Judge:
        def probabilities(self, patches: np.ndarray, tags: np.ndarray) -> np.ndarray:
            assert patches.shape[1:] == (3, 8, 12, 12)
            assert (patches[:, 2].max(axis=(1, 2, 3)) == 1).all()
            # Large candidates are true.
            return np.where(tags[:, 0] * 20 > 10, 0.9, 0.1)

    monkeypatch.setattr(candidate_judge, "warm_judge", lambda *_: Judge())
    ct = with_balls(chest())
    case = Case("case", ct, pet=pet_of(ct, 0, 1, 2, 3), tumor=tumor_of(ct))
    step = StepSettings(method="network", options={"network": {"model": str(joined)}})
    result = find_nodes(with_stations(case, stations_on(ct), Settings(nodes=step)))
    rejected = result.provenance.settings["rejected"]
    assert result.findings
    assert len(result.findings) + len(rejected) == 4
    assert "The second stage rejected" in " ".join(said(result.warnings))
    for one in result.findings:
        assert one.candidate is not None
        assert one.candidate.significance == pytest.approx(0.9)
        assert one.candidate.first_stage_score is not None
        assert one.candidate.tags["short_mm"] > 10
        assert one.candidate.tags["suv_max"] > 4
    assert all(row["score"] < 0.2 and row["tags"]["short_mm"] <= 10 for row in rejected)


def test_an_entry_of_another_number_of_tags_is_refused() -> None:
    file = WeightsFile(sha256="0" * 64, n_bytes=1)
    network = entry("second_stage", 2, file).model_copy(update={"arguments": {"n_tags": 5}})
    with pytest.raises(ValueError, match="takes 5 tags, and 2 are named"):
        stage().check_networks([network])


def test_a_real_package_of_both_stages_runs(tmp_path: Path) -> None:
    """Random weights: what they find is open, that it is told is not."""
    fine = stream_section(("ct_near", "ct_far", "pet_near", "pet_far")).model_dump()
    volumes = {role: {**spec, "spacing_mm": (4.0, 4.0, 4.0)} for role, spec in fine["volumes"].items()}
    streams = write_volumes(tmp_path / "s.zip", type(stream_section(("ct",)))(**{**fine, "volumes": volumes}))
    coarse = stage(patch={"spacing_mm": (4.0, 4.0, 4.0), "size": (8, 12, 12), "margin": 2, "pet_suv": (1.0, 1.0)})
    join_packages([streams, write_stage(tmp_path / "t.zip", coarse)], tmp_path / "both.zip", "both", "1", "Both")
    ct = with_balls(chest())
    options = {"model": str(tmp_path / "both.zip"), "device": "cpu", "engine": "torch"}
    step = StepSettings(method="network", options={"network": options})
    case = Case("case", ct, pet=pet_of(ct, 0), tumor=tumor_of(ct))
    result = find_nodes(with_stations(case, stations_on(ct), Settings(nodes=step)))
    settings = result.provenance.settings
    assert settings["streams"] == ["ct_near", "ct_far", "pet_near", "pet_far"]
    assert settings["engine"] == "torch"
    assert isinstance(settings["rejected"], list)
    assert result.provenance.model_package == "both"
    assert all(one.candidate is not None for one in result.findings)
