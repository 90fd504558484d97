"""Changes of appearance: each keeps its law, follows its seed, and can be switched."""

from __future__ import annotations

from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="the 'networks' packages are not installed")

from training.drawn_volumes import SHAPE, SPACING, drawn_arrays  # noqa: E402

from lnstation_training.segmentation.appearance.base import BLOOD_POOLS, LUNGS, fat_of, mask_of, value_of  # noqa: E402
from lnstation_training.segmentation.appearance.blood import level_of  # noqa: E402
from lnstation_training.segmentation.appearance.fields import blurred, dilated, eroded, shell, smooth_field  # noqa: E402
from lnstation_training.segmentation.appearance.registry import (  # noqa: E402
    APPEARANCE,
    change_names,
    drawn_patient,
    read_changes,
)
from lnstation_training.segmentation.appearance.scanner import shifted_in_plane, thick  # noqa: E402
from lnstation_training.segmentation.appearance.shape import PatientShape  # noqa: E402
from lnstation_training.segmentation.patients import CT, ORGANS, STATIONS  # noqa: E402
from LNStationLib import anatomy  # noqa: E402
from LNStationLib.support.errors import InputError  # noqa: E402

Patch = dict[str, torch.Tensor]
LABELS_CHANGE = ("effusion", "pneumothorax", "tumor", "field_of_view")
"""Changes that move the border of an organ; all others are of the CT alone."""
UNSEEN_HERE = ("metal_streaks", "thick_slices")
"""There is no metal in the drawn patient, and slices of 8 mm are as thick as any."""
VESSELS = tuple({name for pool in BLOOD_POOLS for name in pool})


@pytest.fixture(scope="module")
def patch() -> Patch:
    arrays = drawn_arrays()
    return {CT: torch.from_numpy(arrays[CT])[None].float()} | {
        name: torch.from_numpy(arrays[name])[None] for name in (ORGANS, STATIONS)
    }


def changed(name: str, patch: Patch, seed: int = 0, **settings: Any) -> Patch:
    transform = APPEARANCE[name](SPACING, **{"prob": 1.0, **settings})
    transform.set_random_state(seed)
    return transform(patch)


def rise(name: str, patch: Patch, seed: int = 0) -> torch.Tensor:
    """Change of HU at every voxel."""
    return changed(name, patch, seed)[CT] - patch[CT]


def organ(patch: Patch, *names: str) -> torch.Tensor:
    return mask_of(patch[ORGANS], names)


@pytest.mark.parametrize("name", list(APPEARANCE))
def test_a_change_follows_its_seed_and_leaves_the_given_patch_alone(name: str, patch: Patch) -> None:
    before = {key: value.clone() for key, value in patch.items()}
    first, again = changed(name, patch, 3), changed(name, patch, 3)
    others = [changed(name, patch, seed) for seed in range(4, 10)]
    for key, value in before.items():
        assert torch.equal(patch[key], value)
        assert torch.equal(first[key], again[key])
        assert first[key].shape == value.shape
        assert first[key].dtype == value.dtype
    assert torch.isfinite(first[CT]).all()
    if name not in UNSEEN_HERE:
        assert any(not torch.equal(first[CT], other[CT]) for other in others)


@pytest.mark.parametrize("name", list(APPEARANCE))
def test_a_change_of_no_strength_or_no_probability_changes_nothing(name: str, patch: Patch) -> None:
    for settings in ({"strength": 0.0}, {"prob": 0.0}):
        found = changed(name, patch, 1, **settings)
        assert all(torch.equal(found[key], patch[key]) for key in patch)


@pytest.mark.parametrize("name", [name for name in APPEARANCE if name not in LABELS_CHANGE])
def test_organs_stay_where_they_are(name: str, patch: Patch) -> None:
    for seed in range(3):
        assert torch.equal(changed(name, patch, seed)[ORGANS], patch[ORGANS])


@pytest.mark.parametrize("name", list(APPEARANCE))
def test_a_patch_of_air_alone_is_no_error(name: str) -> None:
    empty = {CT: torch.full((1, 6, 7, 8), -1000.0), ORGANS: torch.zeros(1, 6, 7, 8, dtype=torch.uint8)}
    for seed in range(3):
        assert torch.isfinite(changed(name, empty, seed)[CT]).all()


@pytest.mark.parametrize("name", list(APPEARANCE))
def test_every_change_says_where_its_figures_come_from(name: str) -> None:
    kind = APPEARANCE[name]
    assert kind.name == name
    assert 0 < kind.prob_default <= 1
    assert len(kind.reference) > 20
    assert kind.__doc__


def test_contrast_reaches_a_pool_of_blood_together_and_no_other_tissue(patch: Patch) -> None:
    aorta, cava = organ(patch, "descending_aorta"), organ(patch, "superior_vena_cava")
    levels = [level_of(changed("contrast_phase", patch, seed)[CT], aorta) for seed in range(12)]
    assert min(levels) < 70
    assert max(levels) > 180
    found = rise("contrast_phase", patch, 5)
    assert found[eroded(organ(patch, "liver"))].abs().max() < 1e-3
    assert (
        found[organ(patch, "mediastinum", "body") & ~dilated(organ(patch, *VESSELS, "heart_myocardium"), 2)]
        .abs()
        .max()
        < 1
    )
    assert cava.any()


def test_without_contrast_all_blood_is_alike(patch: Patch) -> None:
    for seed in range(40):
        made = changed("contrast_phase", patch, seed)[CT]
        levels = [level_of(made, eroded(organ(patch, name))) for name in ("atrium_right", "descending_aorta")]
        if max(levels) < 70:
            assert abs(levels[0] - levels[1]) < 25
            return
    pytest.fail("no unenhanced scan among forty")


def test_organs_become_lighter_or_darker_each_on_its_own(patch: Patch) -> None:
    found = rise("tissue_attenuation", patch)
    inside = {name: found[eroded(organ(patch, name))] for name in ("liver", "spine", "lung_upper_lobe_left")}
    means = [values.mean().item() for values in inside.values()]
    assert len({round(mean, 2) for mean in means}) == 3
    assert all(values.std() < 2 for values in inside.values())
    outside = ~dilated(patch[ORGANS] > 0, 2)
    assert found[outside].abs().max() < 1e-3


@pytest.mark.parametrize("name", ["fat_strands", "lymph_nodes"])
def test_what_lies_in_fat_leaves_vessels_and_lungs_alone(name: str, patch: Patch) -> None:
    for seed in range(4):
        found = rise(name, patch, seed)
        assert found[organ(patch, *LUNGS, *VESSELS, "spine")].abs().max() < 1e-3
    assert found[fat_of(patch[CT], patch[ORGANS])].max() > 5


@pytest.mark.parametrize(("name", "low", "high"), [("consolidation", -750, 80), ("atelectasis", 0, 150)])
def test_filled_lung_is_denser_and_stays_lung(name: str, low: float, high: float, patch: Patch) -> None:
    lung = organ(patch, *LUNGS)
    made = [changed(name, patch, seed)[CT][lung] for seed in range(6)]
    assert all(values.mean() >= patch[CT][lung].mean() - 1 for values in made)
    assert any(low < values.max() < high for values in made)


def test_emphysema_is_darker_than_lung(patch: Patch) -> None:
    found = rise("emphysema", patch, 2)
    assert found.max() < 1e-3
    assert found[organ(patch, *LUNGS)].min() < -30


def test_fluid_lies_behind_and_is_lung_no_more(patch: Patch) -> None:
    made = changed("effusion", patch, 1)
    fluid = (made[ORGANS] != patch[ORGANS])[0]
    assert fluid.any()
    assert (made[ORGANS][0][fluid] == value_of("thoracic_cavity")).all()
    lung_rows = torch.nonzero(organ(patch, *LUNGS)[0].any(0).any(1)).float()
    assert torch.nonzero(fluid.any(0).any(1)).float().mean() > lung_rows.mean()
    assert -60 < made[CT][0][fluid].median() < 60


def test_air_in_the_pleural_space_lies_in_front(patch: Patch) -> None:
    made = changed("pneumothorax", patch, 1)
    air = (made[ORGANS] != patch[ORGANS])[0]
    lung_rows = torch.nonzero(organ(patch, *LUNGS)[0].any(0).any(1)).float()
    assert torch.nonzero(air.any(0).any(1)).float().mean() < lung_rows.mean()
    assert made[CT][0][air].median() < -950


def test_a_tumor_replaces_lung_and_fat_and_spares_vessels(patch: Patch) -> None:
    grown = 0
    for seed in range(6):
        made = changed("tumor", patch, seed)
        moved = made[ORGANS] != patch[ORGANS]
        grown += int(moved.sum())
        assert (made[ORGANS][moved] == value_of("body")).all()
        assert torch.equal(made[CT][organ(patch, *VESSELS)], patch[CT][organ(patch, *VESSELS)])
    assert grown > 0


def test_calcium_lies_in_walls(patch: Patch) -> None:
    found = sum(rise("calcified_vessels", patch, seed) for seed in range(10))
    aorta = organ(patch, "descending_aorta")
    assert found.max() > 100
    assert found[~dilated(shell(aorta) | organ(patch, "heart"), 2)].abs().max() < 1


@pytest.mark.parametrize("name", ["stent", "leads", "clips"])
def test_devices_are_dense_and_few(name: str, patch: Patch) -> None:
    found = torch.stack([rise(name, patch, seed) for seed in range(12)])
    assert found.max() > 200
    assert (found.abs() > 50).float().mean() < 0.02


def test_metal_throws_streaks_in_its_own_slice_alone(patch: Patch) -> None:
    metal = {**patch, CT: patch[CT].clone()}
    metal[CT][0, 10, 14, 18] = 3000
    found = rise("metal_streaks", metal, 0)
    assert found[0, 10].abs().max() > 1
    assert found[0, :10].abs().max() == 0
    assert found[0, 11:].abs().max() == 0


@pytest.mark.parametrize("name", ["couch", "bedding"])
def test_what_lies_around_the_patient_leaves_him_alone(name: str, patch: Patch) -> None:
    for seed in range(4):
        found = rise(name, patch, seed)
        assert found[patch[ORGANS] > 0].abs().max() == 0
    assert found.abs().max() > 10


def test_noise_has_the_spread_that_was_drawn_and_no_bias(patch: Patch) -> None:
    for seed in range(4):
        found = rise("noise", patch, seed)
        assert abs(found.mean()) < 0.2 * found.std() + 0.1
        assert found.std() <= 101


def test_thick_slices_keep_the_mean_and_an_even_patch() -> None:
    even = torch.full((1, 10, 4, 4), 37.0)
    assert torch.allclose(thick(even, 3), even)
    ramp = torch.arange(12.0).view(1, 12, 1, 1).expand(1, 12, 3, 3)
    assert torch.allclose(thick(ramp, 3)[0, 4:8], ramp[0, 4:8])


def test_filters_keep_even_patches_and_the_edge_of_masks() -> None:
    even = torch.full((1, 5, 6, 7), -3.0)
    assert torch.allclose(blurred(even, (1.0, 2.0, 0.0)), even)
    mask = torch.zeros(1, 7, 7, 7, dtype=torch.bool)
    mask[0, 2:5, 2:5, 2:5] = True
    assert eroded(mask).sum() == 1
    assert dilated(mask).sum() == 125
    assert shell(mask).sum() == 26
    assert torch.equal(shifted_in_plane(even, 2, -1), even)


def test_a_field_has_mean_0_and_variance_1() -> None:
    found = smooth_field(torch.zeros(1, 20, 30, 40), (5, 5, 5), torch.Generator().manual_seed(0))
    assert found.mean().item() == pytest.approx(0, abs=1e-4)
    assert found.std().item() == pytest.approx(1, abs=1e-4)
    assert (found[:, 1:] - found[:, :-1]).abs().mean() < 0.5


def test_a_cut_field_of_view_takes_the_labels_with_it(patch: Patch) -> None:
    for seed in range(8):
        made = changed("field_of_view", patch, seed)
        gone = (made[CT] != patch[CT]) & (patch[ORGANS] > 0)
        assert not made[ORGANS][gone].any()
        assert not made[STATIONS][gone].any()
        assert made[CT][gone].lt(-999).all()


def test_without_a_change_of_shape_the_patch_is_the_middle_of_the_box(patch: Patch) -> None:
    size = (12, 14, 20)
    made = PatientShape(size, SPACING, prob=0.0)(patch)
    middle = tuple(slice((n - s) // 2, (n - s) // 2 + s) for n, s in zip(SHAPE, size, strict=True))
    for key in patch:
        assert made[key].dtype == patch[key].dtype
        assert torch.allclose(made[key][0].float(), patch[key][0][middle].float(), atol=1e-2)


def test_shapes_move_ct_and_labels_together(patch: Patch) -> None:
    known = {CT: torch.where(patch[ORGANS] > 0, 1000.0, -1000.0), ORGANS: patch[ORGANS]}
    transform = PatientShape(SHAPE, SPACING)
    transform.set_random_state(4)
    made = transform(known)
    inside = made[ORGANS] > 0
    assert made[CT][inside].mean() > 850
    assert made[CT][~inside].mean() < -850
    assert not torch.equal(made[ORGANS], patch[ORGANS])


def test_all_changes_together_give_a_patient_and_follow_the_seed(patch: Patch) -> None:
    transform = drawn_patient((16, 18, 20), SPACING)
    made = []
    for seed in (1, 1, 2):
        transform.set_random_state(seed)
        made.append(transform(patch))
    assert torch.equal(made[0][CT], made[1][CT])
    assert torch.equal(made[0][ORGANS], made[1][ORGANS])
    assert not torch.equal(made[0][CT], made[2][CT])
    known = {0, *(row.label_value for row in anatomy.organs())}
    assert set(made[0][ORGANS].unique().tolist()) <= known


def test_settings_switch_changes_and_unknown_ones_are_refused() -> None:
    assert read_changes({"noise": {"prob": 0.5, "strength": 2.0}})["noise"].strength == 2.0
    with pytest.raises(InputError, match="There is no change 'fog' of appearance: choose shape, tissue_attenuation"):
        read_changes({"fog": {}})
    for wrong in ({"prob": 1.5}, {"strength": -1.0}, {"power": 1.0}):
        with pytest.raises(InputError, match="give prob from 0 to 1 and strength from 0 up"):
            read_changes({"noise": wrong})
    assert change_names()[0] == "shape"


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
@pytest.mark.parametrize("name", list(APPEARANCE))
def test_changes_run_on_a_gpu(name: str, patch: Patch) -> None:
    made = changed(name, {key: value.cuda() for key, value in patch.items()}, 1)
    assert made[CT].is_cuda
    assert torch.isfinite(made[CT]).all()
