"""What streams of significant nodes are taught, and how they are told apart; how a cohort with PET is made."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the 'networks' packages are not installed")
pytest.importorskip("lightning", reason="the 'training' packages are not installed")

from training.drawn_volumes import SHAPE, SPACING, drawn_arrays  # noqa: E402

from lnstation_training.segmentation.appearance.shape import PatientShape  # noqa: E402
from lnstation_training.segmentation.dataset import ALLOWED  # noqa: E402
from lnstation_training.segmentation.folder import VolumeSample  # noqa: E402
from lnstation_training.segmentation.patients import (  # noqa: E402
    CT,
    LOOK_ALIKE,
    NO_PET,
    NODE_KINDS,
    NODES,
    ORGANS,
    PET,
    SIGNIFICANT,
    SMALL_NODE,
    STATIONS,
    TUMOR_DISTANCE,
    UNKNOWN_DISTANCE,
    VISIBLE_NODE,
    PatientVolume,
    distance_codes,
    distance_of,
    pet_codes,
    suv_of,
    write_patient,
)
from lnstation_training.segmentation.significance import significant_codes  # noqa: E402
from lnstation_training.synthetic.organ_patients import OrganCohort, patient_plan  # noqa: E402
from lnstation_training.tasks.node_detection.data_module import NodeVolumes  # noqa: E402
from lnstation_training.tasks.node_detection.datasets import RegionDataset  # noqa: E402
from lnstation_training.tasks.node_detection.evaluation import fusions_of, main_fusion  # noqa: E402
from lnstation_training.tasks.node_detection.lightning_module import (  # noqa: E402
    NodeDetectionModule,
    pet_statistics,
)
from lnstation_training.tasks.node_detection.scoring import detections_of  # noqa: E402
from lnstation_training.tasks.node_detection.targets import (  # noqa: E402
    allowed_in_stream,
    allowed_kinds,
    target_of,
)
from lnstation_training.tasks.node_detection.task import NodeDetectionTask  # noqa: E402
from LNStationLib.models.package.node_streams import STREAMS  # noqa: E402
from LNStationLib.phantom.nodes.node import NodeTruth  # noqa: E402
from LNStationLib.phantom.nodes.significance import Reader  # noqa: E402
from LNStationLib.support.errors import InputError  # noqa: E402

SMALL: dict[str, Any] = {"network_arguments": {"filters": [4, 4, 4], "strides": [1, 2, 2]}, "window": (8, 8, 8)}
SIX = list(STREAMS)


def batch_of(marks: list[int], kinds: list[int]) -> dict[str, Any]:
    """Voxels in a row."""
    return {
        SIGNIFICANT: torch.tensor(marks, dtype=torch.uint8).view(1, 1, 1, 1, -1),
        NODE_KINDS: torch.tensor(kinds, dtype=torch.uint8).view(1, 1, 1, 1, -1),
    }


def allowed_rows(role: str, marks: list[int], kinds: list[int]) -> list[str]:
    """Initials of the classes that every voxel may have for a network."""
    target, allowed = target_of(batch_of(marks, kinds), role, 70.0)
    rows = allowed[0][target.flatten().long()]
    return ["".join(n for n, may in zip("bnl", row.tolist(), strict=True) if may) for row in rows]


@pytest.mark.parametrize(
    ("role", "wanted"),
    [
        ("nodes", ["b", "n", "n", "n", "bn", "l"]),
        ("pet", ["b", "n", "n", "l", "bl", "l"]),
        ("ct_near", ["b", "n", "bnl", "l", "bl", "l"]),
        ("pet_far", ["b", "bnl", "n", "l", "bl", "l"]),
    ],
)
def test_a_stream_learns_significant_nodes_of_its_zone(role: str, wanted: list[str]) -> None:
    """Background, a node at 70 mm and one at 71 mm, one that is not significant, a small one, a look-alike."""
    marks = [0, 71, 72, 0, 0, 0]
    kinds = [0, VISIBLE_NODE, VISIBLE_NODE, VISIBLE_NODE, SMALL_NODE, LOOK_ALIKE]
    assert allowed_rows(role, marks, kinds) == wanted


def test_a_node_whose_distance_is_not_known_is_of_both_zones() -> None:
    for role in ("ct_near", "ct_far", "ct"):
        assert allowed_rows(role, [UNKNOWN_DISTANCE], [VISIBLE_NODE]) == ["n"]
    assert allowed_in_stream()[0].tolist() == allowed_kinds()[0].tolist() == [True, False, False]


def test_pet_and_distance_come_back_as_they_were_stored() -> None:
    suv = np.array([0.0, 1.234, 327.0, np.nan])
    assert suv_of(torch.from_numpy(pet_codes(suv)))[:3].tolist() == pytest.approx([0, 1.23, 327], abs=0.01)
    assert pet_codes(suv)[3] == NO_PET
    assert torch.isnan(suv_of(torch.from_numpy(pet_codes(suv)))[3])
    mm = np.array([-30.04, 0.0, 70.0, 1e6])
    assert distance_of(torch.from_numpy(distance_codes(mm))).tolist() == pytest.approx([-30, 0, 70, 3276.7])


def test_codes_hold_the_distance_of_a_node_s_center() -> None:
    numbers = np.zeros((4, 4, 8), np.uint8)
    numbers[1, 1, 1:4], numbers[1, 1, 6], numbers[3, 3, 3] = 1, 2, 3
    distance = np.broadcast_to(np.arange(8.0) * 20 - 60, numbers.shape)
    codes = significant_codes(numbers, {1: True, 2: False, 3: True}, distance)
    assert set(codes[numbers == 1].tolist()) == {1}, "20 mm inside the tumor counts as 0"
    assert set(codes[numbers == 3].tolist()) == {1}
    assert not codes[numbers == 2].any()
    assert significant_codes(numbers, {2: True}, None)[1, 1, 6] == UNKNOWN_DISTANCE
    assert significant_codes(numbers, {2: True}, distance)[1, 1, 6] == 61


@pytest.fixture
def patient(tmp_path: Path) -> Path:
    """Two nodes in station 4R, of which one is significant; PET that is hot there, and a tumor far below."""
    numbers, kinds, marks = (np.zeros(SHAPE, np.uint8) for _ in range(3))
    numbers[14:16, 14:16, 13], numbers[14:16, 14:16, 16] = 1, 2
    kinds[numbers > 0] = VISIBLE_NODE
    marks[numbers == 1] = 81
    suv = np.where(numbers == 1, 8.0, 1.0)
    arrays = {**drawn_arrays(), NODES: numbers, NODE_KINDS: kinds, SIGNIFICANT: marks, PET: pet_codes(suv)}
    arrays[TUMOR_DISTANCE] = distance_codes(np.full(SHAPE, 80.0))
    return write_patient(tmp_path, PatientVolume("P0", arrays, SPACING, None, True))


ARRAYS = (CT, ORGANS, STATIONS, NODE_KINDS, NODES, PET, TUMOR_DISTANCE, SIGNIFICANT)


def whole(patient: Path) -> dict[str, Any]:
    item = RegionDataset([VolumeSample("P0", patient)], ARRAYS, lambda _: allowed_kinds())[0]
    return {name: value[None] if torch.is_tensor(value) else [value] for name, value in item.items()}


def test_only_significant_nodes_count_and_a_hit_on_another_node_is_false(patient: Path) -> None:
    batch = whole(patient)
    both = np.where(batch[NODES][0, 0].numpy() > 0, 0.9, 0.0)
    hits = detections_of(batch, both, SPACING, 0.5, significant=True).hits
    assert [(node.number, node.distance_mm) for node in hits.nodes] == [(1, 80.0)]
    assert sorted((each.node or 0, each.ignored) for each in hits.detections) == [(0, False), (1, False)]
    assert len(detections_of(batch, both, SPACING, 0.5).hits.nodes) == 2


def test_pet_is_standardized_over_the_patients_and_missing_pet_is_told(patient: Path, tmp_path: Path) -> None:
    mean, deviation = pet_statistics([patient])
    assert mean == pytest.approx(1.0, abs=0.1)
    assert 0 < deviation < 1
    bare = write_patient(tmp_path / "bare", PatientVolume("P1", drawn_arrays(), SPACING, None, True))
    with pytest.raises(InputError, match="No training patient has PET"):
        pet_statistics([bare])


def test_every_network_of_a_run_is_trained_and_sees_its_own_channels(patient: Path) -> None:
    module = NodeDetectionModule(streams=SIX, spacing_mm=SPACING, **SMALL)
    batch = whole(patient)
    batch[ALLOWED] = torch.from_numpy(allowed_kinds())[None]
    module.train()
    module.log = lambda *_, **__: None  # type: ignore[method-assign]
    module.training_step(batch, 0).backward()
    for role in SIX:
        grads = [each.grad for each in module.network_of(role).parameters()]
        assert all(grad is not None for grad in grads), role
        assert module.inputs_of(batch, role).shape[1] == (8 if STREAMS[role].with_pet else 6)
    assert len(module.networks) == 6


def test_gradients_are_clipped_network_by_network() -> None:
    module = NodeDetectionModule(streams=["ct", "pet"], **SMALL)
    for scale, role in ((100.0, "ct"), (1e-4, "pet")):
        for each in module.network_of(role).parameters():
            each.grad = torch.full_like(each, scale)
    before = next(module.network_of("pet").parameters()).grad.clone()  # type: ignore[union-attr]
    module.configure_gradient_clipping(torch.optim.SGD(module.parameters(), 0.1), 1.0, "norm")
    assert torch.equal(next(module.network_of("pet").parameters()).grad, before)  # type: ignore[arg-type]
    norm = torch.stack([each.grad.norm() for each in module.network_of("ct").parameters()]).norm()  # type: ignore[union-attr]
    assert float(norm) == pytest.approx(1.0, abs=1e-3)


def test_the_fusions_are_those_of_the_paper_s_table() -> None:
    module = NodeDetectionModule(streams=SIX, **SMALL)
    names = list(fusions_of(module))
    assert names[:6] == ["CT", "EF", "LF", "CT, stratified", "EF, stratified", "LF, stratified"]
    assert main_fusion(module) == "LF, stratified"
    assert main_fusion(NodeDetectionModule(streams=SIX, masked=False, **SMALL)) == "LF, stratified, not masked"
    assert main_fusion(NodeDetectionModule(**SMALL)) == "visible nodes"
    assert main_fusion(NodeDetectionModule(streams=["ct_near"], **SMALL)) == "all networks"


@pytest.mark.parametrize("streams", [["ct", "ct"], ["mri"], ["nodes", "ct"]])
def test_roles_that_do_not_go_together_are_refused(streams: list[str]) -> None:
    with pytest.raises(InputError, match=r"model\.streams"):
        NodeDetectionModule(streams=streams, **SMALL)


def test_an_unknown_optimizer_is_not_offered_and_radam_is_the_paper_s() -> None:
    module = NodeDetectionModule(streams=["ct"], optimizer="radam", **SMALL)
    assert isinstance(module.optimizer_of(list(module.parameters())), torch.optim.RAdam)


def test_data_without_pet_and_nodes_drawn_by_appearance_are_refused(patient: Path, tmp_path: Path) -> None:
    from lnstation_training.cohorts.info import CohortInfo
    from lnstation_training.segmentation.folder import VolumeGeometry, claim_volumes

    module = NodeDetectionModule(streams=["ct"], spacing_mm=SPACING, **SMALL)
    info, geometry = CohortInfo(title="drawn", synthetic=True), VolumeGeometry(spacing_mm=SPACING)
    claim_volumes(tmp_path, "node_detection", info, geometry)
    with pytest.raises(InputError, match="whether those are significant"):
        NodeDetectionTask().check_settings(module, NodeVolumes(tmp_path))
    NodeDetectionTask().check_settings(module, NodeVolumes(tmp_path, appearance={"lymph_nodes": {"prob": 0}}))
    write_patient(tmp_path, PatientVolume("A0", drawn_arrays(), SPACING, None, True))
    with pytest.raises(InputError, match="has no pet, significant, tumor_distance"):
        NodeDetectionTask().check_settings(module, NodeVolumes(tmp_path))


def test_shape_interpolates_pet_and_leaves_far_away_outside(patient: Path) -> None:
    box = {name: value[0] for name, value in whole(patient).items() if torch.is_tensor(value) and value.dim() == 5}
    box[CT] = box[CT].float()
    made = PatientShape([20, 20, 20], SPACING, prob=0.0)(box)
    assert made[TUMOR_DISTANCE].min() == 800
    assert made[TUMOR_DISTANCE].max() == 32767
    assert made[PET].min() == NO_PET
    assert set(torch.unique(made[SIGNIFICANT]).tolist()) == {0, 81}


# The reader of synthetic patients


def node(**fields: Any) -> NodeTruth:
    base: dict[str, Any] = dict.fromkeys(NodeTruth.__dataclass_fields__, 0.0)
    return NodeTruth(**{**base, "visible": True, "suv_max": None, **fields})


@pytest.mark.parametrize(
    ("fields", "near", "far", "strict_near"),
    [
        ({"short_axis_mm": 8.0}, True, False, False),
        ({"short_axis_mm": 10.0}, True, True, True),
        ({"short_axis_mm": 6.0}, False, False, False),
        ({"short_axis_mm": 6.0, "suv_max": 3.0}, True, False, False),
        ({"short_axis_mm": 6.0, "suv_max": 4.5}, True, True, True),
        ({"short_axis_mm": 6.0, "necrosis_fraction": 0.4}, True, True, True),
        ({"short_axis_mm": 12.0, "visible": False}, False, False, False),
    ],
)
def test_a_reader_is_more_lenient_near_the_tumor_unless_that_is_off(
    fields: dict[str, Any], near: bool, far: bool, strict_near: bool
) -> None:
    one = node(**fields)
    assert (Reader().calls(one, 70.0), Reader().calls(one, 70.1)) == (near, far)
    assert Reader(0.0).calls(one, -10.0) == strict_near


def test_patients_with_a_reader_have_pet_no_contrast_and_a_node_that_imaging_calls() -> None:
    request = OrganCohort(Path(), 3, 5, scanned=True, reader=Reader(), preset="esophagus")
    for number in (1, 2, 3):
        plan, phase = patient_plan(request, number)
        assert (plan.has_pet, phase, plan.preset) == (True, "none", "esophagus")
    assert patient_plan(request, 1)[0].number % 100_000 == 1
    assert "lenient within 70 mm" in request.title
    assert "equally strict" in replace(request, reader=Reader(0.0)).title


def test_the_classical_detectors_find_what_is_hot_and_what_is_round(patient: Path) -> None:
    from lnstation_training.tasks.node_detection.baselines import BASELINES, baseline_hits, state_of

    class Data:
        def loader(self, part: str) -> list[dict[str, Any]]:
            assert part == "test"
            return [whole(patient)]

    found = baseline_hits(Data(), "test", SPACING)  # type: ignore[arg-type]  # a data module as far as it is asked
    assert set(found) == set(BASELINES)
    (hot,) = found["PET threshold"]
    assert [each.node for each in hot.detections] == [1]
    assert hot.detections[0].score == pytest.approx(8.0)
    assert [node.number for node in found["blob detector"][0].nodes] == [1]
    state = state_of(whole(patient), SPACING)
    assert state.case.tumor is None, "the tumor lies 80 mm away"
    assert "atrium_left" in state.case.organ_masks


def test_tables_1a_and_1b_list_fusions_with_the_paper_s_measures() -> None:
    from lnstation_training.engine.experiment_files import read_rows
    from lnstation_training.engine.values import FoldResult
    from lnstation_training.evaluation.detection import PatientHits, TrueNode
    from lnstation_training.tasks.node_detection.evaluation import NodeEvaluation, figures_of, fusion_figures
    from lnstation_training.tasks.node_detection.result_tables import tables_markdown

    nodes = (TrueNode(number=1, distance_mm=10.0), TrueNode(number=2, distance_mm=90.0))
    hits = [PatientHits(detections=(), nodes=nodes)]
    facts = {"cohort": "drawn", "synthetic": True, "fold": 0, "seed": 0, "part": "test", "network": "dynunet"}
    fusions = [fusion_figures(name, hits, 0) for name in ("CT", "LF, stratified")]
    found = NodeEvaluation(**facts, parameters=1, epochs=1, **figures_of(hits, 0), fusions=fusions)  # type: ignore[arg-type]  # facts by name
    result = FoldResult(
        row="streams", fold=0, seed=0, setting="s", config={}, seconds=1.0, threads=1, evaluation=found
    )
    rows = read_rows(Path(__file__).parents[4] / "Training" / "experiments" / "osln")
    text = tables_markdown(rows, {"streams": [result], "unet": [result.model_copy(update={"row": "unet"})]})
    assert "| 3D U-Net, all six networks | LF, stratified | 0.000 | 0.000 | 0.000 | 0.000 | 0/1 | 0/1 |" in text
    assert "| 3D U-Net | CT | 0.000 | 0.000 | 0.000 | 0.000 |" in text
    assert "Table 1a" in text
    assert "LF, stratified |" not in text.split("Table 1b")[0].split("Table 1a")[1]


def test_tables_of_gains_pair_patients_of_the_folds_that_both_have() -> None:
    from lnstation_training.engine.experiment_files import read_rows
    from lnstation_training.engine.values import FoldResult
    from lnstation_training.evaluation.detection import Detection, PatientHits, TrueNode
    from lnstation_training.tasks.node_detection.evaluation import NodeEvaluation, figures_of, fusion_figures
    from lnstation_training.tasks.node_detection.result_tables import tables_markdown

    nodes = (TrueNode(number=1, distance_mm=10.0), TrueNode(number=2, distance_mm=90.0))
    missed = PatientHits(detections=(), nodes=nodes)
    found = PatientHits(detections=(Detection(score=0.9, node=1), Detection(score=0.8, node=2)), nodes=nodes)

    def result(row: str, fold: int, hits: dict[str, list[PatientHits]]) -> FoldResult:
        facts = {"cohort": "drawn", "synthetic": True, "fold": fold, "seed": 0, "part": "test", "network": "dynunet"}
        fusions = [fusion_figures(name, each, 0) for name, each in hits.items()]
        measured = figures_of(next(iter(hits.values())), 0)
        evaluation = NodeEvaluation(**facts, parameters=1, epochs=1, **measured, fusions=fusions)  # type: ignore[arg-type]  # facts by name
        return FoldResult(
            row=row, fold=fold, seed=0, setting="s", config={}, seconds=1.0, threads=1, evaluation=evaluation
        )

    streams = [result("streams", fold, {"CT": [missed, found], "LF": [found, found]}) for fold in (0, 1)]
    psnn = [result("psnn", 1, {"CT": [found, found]})]
    unet = [result("unet", fold, {"CT": [found, missed]}) for fold in (0, 1)]
    rows = read_rows(Path(__file__).parents[4] / "Training" / "experiments" / "osln")
    text = tables_markdown(rows, {"streams": streams, "psnn": psnn, "unet": unet})
    assert (
        "| 3D U-Net, all six networks | LF | CT | 0, 1 | 4 | 8 | 1.000 | 0.500 | +0.500 (+0.000 to +1.000) |" in text
    )
    assert "| PSNN | CT | 3D U-Net | 1 | 2 | 4 | 1.000 | 0.500 | +0.500 (+0.000 to +1.000) |" in text
    assert text.count("| EF |") == 0, "no result has it"
