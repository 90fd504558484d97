"""Losses, pseudo labels and every semi-supervised method, by hand and in one short run each."""

from __future__ import annotations

import csv
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from training.node_classification.conftest import GEOMETRY, TASK, cohort_of, prepared_from

from lnstation_training.engine.evaluate import evaluate_run
from lnstation_training.engine.fit import FitCLI, fit
from lnstation_training.engine.loading import load_run
from lnstation_training.tasks.node_classification.lightning_module import NodeModule, follow
from lnstation_training.tasks.node_classification.losses import divergence, ramp_up, squared_distance, supervised_loss
from lnstation_training.tasks.node_classification.samples import NodeSample
from lnstation_training.tasks.node_classification.semi_supervised import (
    SimMatch,
    Step,
    TemporalEnsembling,
    semi_supervised,
)
from lnstation_training.tasks.node_classification.sharpening import NONE, audit, drawn_evenly, pseudo_labels
from LNStationLib.networks.output import NodeOutput
from LNStationLib.support.errors import InputError

NETWORK = {"width": 0.1, "backbone": "resnet18", "n_sets": 2, "fused": 8}
"""The backbone with the fewest tensors: to save and load a run takes longer than its steps."""
METHODS = ("pi_model", "temporal_ensembling", "mean_teacher", "simmatch")


def logits(*probabilities: float) -> torch.Tensor:
    return torch.tensor([math.log(p / (1 - p)) for p in probabilities])


def node(station_positive: int | None, truth: int | None = None) -> NodeSample:
    return NodeSample("P", 1, 0, None, truth, "7", station_positive, 8.0, 1.0)


# Losses


def test_every_head_counts_in_the_supervised_loss() -> None:
    output = NodeOutput(logits(0.5), {"ct": logits(0.5), "ct_zoomed": logits(0.8)})
    expected = -2 * math.log(0.5) - math.log(0.8)
    assert float(supervised_loss(output, torch.ones(1))) == pytest.approx(expected)


def test_the_divergence_is_that_of_two_classes_and_zero_where_both_agree() -> None:
    teacher, student = NodeOutput(logits(0.8)), NodeOutput(logits(0.5).requires_grad_())
    expected = 0.8 * math.log(0.8 / 0.5) + 0.2 * math.log(0.2 / 0.5)
    assert float(divergence(teacher, student)) == pytest.approx(expected, rel=1e-5)
    assert float(divergence(teacher, teacher)) == pytest.approx(0, abs=1e-6)
    assert float(squared_distance(teacher, student)) == pytest.approx(0.09, rel=1e-5)


def test_the_weight_rises_to_one_over_the_first_epochs() -> None:
    assert ramp_up(0, 80) == pytest.approx(math.exp(-5))
    assert ramp_up(40, 80) == pytest.approx(math.exp(-1.25))
    assert ramp_up(80, 80) == ramp_up(200, 80) == ramp_up(0, 0) == 1


def test_the_teacher_follows_by_the_moving_average() -> None:
    teacher, student = torch.nn.BatchNorm1d(1), torch.nn.BatchNorm1d(1)
    with torch.no_grad():
        teacher.weight.fill_(1.0)
        student.weight.fill_(3.0)
    student.running_mean.fill_(10.0)
    follow(teacher, student, 0.9)
    assert float(teacher.weight) == pytest.approx(1.2)
    assert float(teacher.running_mean) == pytest.approx(1.0)
    with pytest.raises(ValueError, match="ema must be from 0 to 1, got 2"):
        follow(teacher, student, 2)


# Pseudo labels


def test_a_pseudo_label_needs_teacher_and_pathology_to_agree() -> None:
    samples = [node(1), node(1), node(0), node(0), node(None), node(1)]
    labels = pseudo_labels(np.array([0.9, 0.1, 0.1, 0.9, 0.99, 0.7]), samples)
    # A node of a metastatic station may well be benign, and is never pseudo-negative.
    assert labels.tolist() == [1, NONE, 0, NONE, NONE, NONE]
    assert pseudo_labels(np.array([0.65]), [node(1)], beta=0.6).tolist() == [1]
    with pytest.raises(ValueError, match="beta and gamma must be from 0 to 1"):
        pseudo_labels(np.array([0.5]), [node(1)], beta=7)


def test_the_audit_counts_pseudo_labels_and_how_many_are_right() -> None:
    samples = [node(1, 1), node(1, 0), node(0, 0), node(0, None)]
    found = audit(np.array([1, 1, 0, NONE]), samples).figures()
    assert found == {
        "pseudo_positive": 2, "pseudo_negative": 1, "pseudo_part": 0.75, "pseudo_positive_purity": 0.5,
        "pseudo_negative_purity": 1.0,
    }  # fmt: skip
    assert "pseudo_positive_purity" not in audit(np.array([NONE] * 4), samples).figures()


def test_pseudo_labels_are_drawn_evenly_and_an_empty_class_is_no_fault() -> None:
    draw = np.random.default_rng(0)
    labels = np.array([1, *[0] * 20, *[NONE] * 5])
    rows = drawn_evenly(labels, 10, draw)
    assert (labels[rows] == 1).sum() == 5
    assert (labels[rows] == 0).sum() == 5
    assert set(labels[drawn_evenly(labels[1:], 8, draw) + 1]) == {0}
    assert drawn_evenly(np.full(3, NONE), 8, draw).size == 0


# Methods by hand


def step(unlabeled: dict[str, Any], answers: dict[str, NodeOutput]) -> Step:
    labeled = {"index": torch.tensor([0, 1]), "label": torch.tensor([0.0, 1.0])}
    answer = NodeOutput(torch.zeros(2), features=torch.eye(2))
    return Step(lambda view: answers[view], lambda view: answers[view], labeled, answer, unlabeled)


def test_temporal_ensembling_holds_a_node_to_the_mean_of_its_past() -> None:
    method = TemporalEnsembling()
    seen = {"patch": "first", "second": "second", "index": torch.tensor([3])}
    assert float(method.loss(step(seen, {"first": NodeOutput(logits(0.9))}))) == 0
    found = method.loss(step(seen, {"first": NodeOutput(logits(0.4))}))
    assert float(found) == pytest.approx((0.4 - 0.9) ** 2, rel=1e-4)
    again = TemporalEnsembling()
    again.recall(method.memory())
    third = {"first": NodeOutput(logits(0.5))}
    assert float(again.loss(step(seen, third))) == pytest.approx(float(method.loss(step(seen, third))))


def test_simmatch_moves_the_strong_view_towards_the_class_of_what_the_weak_one_resembles() -> None:
    weak = NodeOutput(logits(0.99), features=torch.tensor([[0.0, 1.0]]))
    near, far = (
        NodeOutput(logits(p), features=torch.tensor([f])) for p, f in ((0.99, [0.0, 1.0]), (0.5, [1.0, 0.0]))
    )
    seen = {"patch": "weak", "second": "strong", "index": torch.tensor([0])}
    losses = [float(SimMatch().loss(step(seen, {"weak": weak, "strong": strong}))) for strong in (near, far)]
    assert losses[0] < 0.1 < losses[1]


def test_simmatch_asks_for_a_network_with_features() -> None:
    with pytest.raises(InputError, match="compares features, which this network does not give"):
        SimMatch().loss(Step(lambda view: NodeOutput(view), lambda view: NodeOutput(view), {
            "index": torch.tensor([0]), "label": torch.ones(1)}, NodeOutput(torch.zeros(1)), {}))  # fmt: skip


def test_an_unknown_method_is_refused_with_those_there_are() -> None:
    assert semi_supervised("supervised") is None
    with pytest.raises(
        InputError, match="no semi-supervised method 'fixmatch': choose one of supervised, mean_teacher"
    ):
        semi_supervised("fixmatch")  # type: ignore[arg-type]


# Runs


def arguments(prepared: Path, out: Path, data: dict[str, Any] | None = None, **model: Any) -> dict[str, Any]:
    quiet = {"accelerator": "cpu", "devices": 1, "enable_progress_bar": False, "enable_model_summary": False}
    chosen = {"network": "node_slices", "network_arguments": NETWORK, "optimizer": "adamw", "learning_rate": 2e-3}
    return {
        "seed_everything": 0,
        "out": str(out),
        "model": {**chosen, **model},
        "data": {"folder": str(prepared), "batch_size": 12, **(data or {})},
        "trainer": {"max_epochs": 1, **quiet},
    }


def trained(prepared: Path, out: Path, epochs: int = 1, data: dict[str, Any] | None = None, **model: Any) -> FitCLI:
    wanted = arguments(prepared, out, {"unlabeled_batch_size": 8, "pseudo_batch_size": 4, **(data or {})}, **model)
    wanted["trainer"]["max_epochs"] = epochs
    return fit(wanted, TASK)


def history(run: FitCLI) -> list[dict[str, str]]:
    with (run.folder / "logs" / "metrics.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("method", METHODS)
def test_every_method_trains_and_is_evaluated(method: str, prepared: Path, tmp_path: Path) -> None:
    run = trained(prepared, tmp_path / "run", method=method, ramp_up_epochs=0)
    (row,) = history(run)
    assert float(row["train_consistency"]) >= 0
    found = evaluate_run(run.folder, TASK, n_resamples=20)
    assert (found.method, found.unlabeled) == (method, 16)


def test_a_stopped_run_takes_up_the_memory_of_its_method(prepared: Path, tmp_path: Path) -> None:
    run = trained(prepared, tmp_path / "run", method="temporal_ensembling")
    kept = torch.load(tmp_path / "run" / "checkpoints" / "last.ckpt", weights_only=True)["semi_supervised"]
    assert kept["counts"].sum() == 8 * math.ceil(len(run.datamodule.datasets["train"]) / 12)
    module = NodeModule(network_arguments=NETWORK, method="temporal_ensembling")
    module.on_load_checkpoint({"semi_supervised": kept})
    assert torch.equal(module.method.memory()["sums"], kept["sums"])


def test_the_teacher_is_what_is_evaluated_and_lags_behind_its_student(prepared: Path, tmp_path: Path) -> None:
    run = trained(prepared, tmp_path / "run", method="mean_teacher", ema=0.99)
    module = load_run(run.folder, TASK).module
    pairs = zip(module.network.parameters(), module.student.parameters(), strict=True)
    assert any(not torch.equal(teacher, student) for teacher, student in pairs)
    assert run.model.learner is run.model.student
    assert not any(each.requires_grad for each in run.model.network.parameters())
    assert load_run(run.folder, TASK).parameters == sum(each.numel() for each in module.student.parameters())


def test_sharpening_logs_size_and_purity_of_its_pseudo_labels(cohort_folder: Path, tmp_path: Path) -> None:
    part = GEOMETRY.model_copy(update={"labeled_patients": 0.75})
    prepared = prepared_from(cohort_of(cohort_folder), tmp_path / "data", part)
    # Thresholds of 0.5 give every node of a known station a pseudo label, by chance or not.
    run = trained(prepared, tmp_path / "run", 2, method="mean_teacher", sharpening_weight=0.6, beta=0.0, gamma=1.0)
    row = history(run)[-1]
    assert float(row["pseudo_part"]) == 1
    assert float(row["pseudo_positive"]) + float(row["pseudo_negative"]) == len(run.datamodule.unlabeled)
    assert float(row["pseudo_positive_purity"]) == float(row["pseudo_negative_purity"]) == 1
    assert float(row["train_sharpening"]) > 0


def test_an_empty_set_of_pseudo_labels_trains_without_them(prepared: Path, tmp_path: Path) -> None:
    run = trained(prepared, tmp_path, 1, method="mean_teacher", sharpening_weight=0.6, beta=1.0, gamma=0.0)
    (row,) = history(run)
    assert float(row["pseudo_part"]) == 0
    assert "train_sharpening" not in row


def test_the_student_starts_where_the_first_stage_ended(prepared: Path, tmp_path: Path) -> None:
    first = fit(arguments(prepared, tmp_path / "first"), TASK)
    wanted = arguments(
        prepared, tmp_path / "second", {"unlabeled_batch_size": 8}, method="mean_teacher", learning_rate=1e-12
    )
    second = fit({**wanted, "start_from": str(first.folder)}, TASK)
    learned = load_run(first.folder, TASK).module.network.head.weight
    module = load_run(second.folder, TASK).module
    for network in (module.network, module.student):
        torch.testing.assert_close(network.head.weight, learned, atol=1e-6, rtol=0)


def test_unlabeled_nodes_of_patients_that_are_held_out_never_train(cohort_folder: Path, tmp_path: Path) -> None:
    from dataclasses import replace

    cohort = [replace(each, node_status={k: v for k, v in each.node_status.items() if k != 2})
              for each in cohort_of(cohort_folder)]  # fmt: skip
    data = TASK.data(prepared_from(cohort, tmp_path), unlabeled_batch_size=4)
    data.setup()
    held_out = {each.patient for part in ("validation", "test") for each in data.datasets[part].samples}
    assert not held_out & {each.patient for each in data.unlabeled}
    training = {each.patient for each in data.datasets["train"].samples}
    assert {each.patient for each in data.unlabeled} == training | {"P12", "P13", "P14", "P15"}
    assert len(data.nodes_of("test")) > len(data.datasets["test"])


@pytest.mark.parametrize(
    ("data", "model", "words"),
    [
        ({}, {"method": "mean_teacher"}, "which learns from unlabeled nodes: set"),
        ({"unlabeled_batch_size": 4}, {}, "model.method is supervised"),
        ({}, {"sharpening_weight": 0.6}, "model.sharpening_weight needs unlabeled nodes"),
    ],
)
def test_settings_that_do_not_go_together_are_refused(
    prepared: Path, tmp_path: Path, data: dict, model: dict, words: str
) -> None:
    with pytest.raises(InputError, match=words):
        fit(arguments(prepared, tmp_path / "run", data, **model), TASK)


def test_a_cohort_without_unlabeled_nodes_says_so(cohort_folder: Path, tmp_path: Path) -> None:
    prepared = prepared_from(cohort_of(cohort_folder)[:12], tmp_path / "data")
    with pytest.raises(InputError, match="has no unlabeled nodes to train with"):
        trained(prepared, tmp_path / "run", 1, method="mean_teacher")


def test_the_module_is_built_with_the_papers_settings() -> None:
    module = NodeModule(network_arguments=NETWORK, method="mean_teacher")
    assert (module.ema, module.beta, module.gamma, module.ramp_up_epochs) == (0.999, 0.7, 0.3, 80)
