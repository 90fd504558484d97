"""What unlabeled nodes teach, by method; all methods share one loop (``lightning_module``).

A method sees two views of each unlabeled node, the teacher's answer where it has a teacher, and gives a loss.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import torch
import torch.nn.functional as functional
from torch import Tensor

from lnstation_training.tasks.node_classification.losses import divergence, squared_distance
from LNStationLib.networks.output import NodeOutput
from LNStationLib.support.errors import InputError

MethodName = Literal["supervised", "pi_model", "temporal_ensembling", "mean_teacher", "simmatch"]
Consistency = Literal["kl", "squared"]

_ENSEMBLE_MOMENTUM = 0.6
"""Of temporal ensembling's predictions (Laine and Aila 2017, Sec. 3)."""
_BANK_MOMENTUM = 0.7
"""Of SimMatch's memory of labeled nodes (Zheng et al. 2022, Sec. 4.1)."""
_TEMPERATURE = 0.1
_SMOOTHING = 0.9
"""How much of SimMatch's target is the network's own answer; the rest is what similar labeled nodes say."""
_CONFIDENT = 0.95
"""Probability of a class from which SimMatch's target counts (Zheng et al. 2022, Sec. 4.1)."""


@dataclass(frozen=True)
class Step:
    """One training step.

    Attributes:
        learner: Answers with gradients.
        teacher: Answers without; the learner itself, in evaluation mode, for methods without a teacher.
        labeled: Batch of labeled nodes.
        answer: The learner's answer for them.
        unlabeled: Batch of unlabeled nodes with two views.
    """

    learner: Callable[[Tensor], NodeOutput]
    teacher: Callable[[Tensor], NodeOutput]
    labeled: Mapping[str, Any]
    answer: NodeOutput
    unlabeled: Mapping[str, Any]


class SemiSupervised(Protocol):
    """A semi-supervised method.

    Attributes:
        has_teacher: It needs a teacher whose weights follow the learner's.
        strong_view: The second view is changed more strongly than the first.
    """

    has_teacher: bool
    strong_view: bool

    def loss(self, step: Step) -> Tensor:
        """What the unlabeled nodes of a step cost."""

    def memory(self) -> dict[str, Tensor]:
        """What a resumed run must know beside weights."""

    def recall(self, memory: Mapping[str, Tensor]) -> None:
        """Take up the memory of a stopped run."""


class _Forgetful:
    """A method without memory."""

    has_teacher = False
    strong_view = False

    def memory(self) -> dict[str, Tensor]:
        return {}

    def recall(self, memory: Mapping[str, Tensor]) -> None:
        """Nothing to take up."""


class PiModel(_Forgetful):
    """Two views, changed at random and with dropout, shall give one answer (Laine and Aila 2017, Sec. 2.1)."""

    def loss(self, step: Step) -> Tensor:
        """Squared distance of the learner's two answers."""
        return squared_distance(step.learner(step.unlabeled["patch"]), step.learner(step.unlabeled["second"]))


class MeanTeacher(_Forgetful):
    """The student shall answer as the mean of its own past (Tarvainen and Valpola 2017; PGLS, eq. 3).

    Args:
        consistency: Kullback-Leibler divergence as PGLS has it, or the squared distance of the original.
    """

    has_teacher = True

    def __init__(self, consistency: Consistency = "kl") -> None:
        self.distance = divergence if consistency == "kl" else squared_distance

    def loss(self, step: Step) -> Tensor:
        """Distance of the student's answer for one view from the teacher's for the other."""
        return self.distance(step.teacher(step.unlabeled["patch"]), step.learner(step.unlabeled["second"]))


class TemporalEnsembling:
    """The answer shall be the mean of earlier epochs' answers for the node (Laine and Aila 2017, Sec. 2.2)."""

    has_teacher = False
    strong_view = False

    def __init__(self) -> None:
        self._sums, self._counts = torch.zeros(0), torch.zeros(0)

    def loss(self, step: Step) -> Tensor:
        """Squared distance from the node's mean so far; nodes without one cost nothing yet."""
        index = step.unlabeled["index"]
        probability = step.learner(step.unlabeled["patch"]).logits.sigmoid()
        self._grow(int(index.max()) + 1, probability)
        counts = self._counts[index]
        # Without the correction the first means would lean towards 0, where they start.
        target = self._sums[index] / (1 - _ENSEMBLE_MOMENTUM**counts).clamp_min(1e-6)
        seen = (counts > 0).to(probability.dtype)
        self._sums[index] = _ENSEMBLE_MOMENTUM * self._sums[index] + (1 - _ENSEMBLE_MOMENTUM) * probability.detach()
        self._counts[index] = counts + 1
        return (seen * (probability - target).square()).mean()

    def _grow(self, count: int, like: Tensor) -> None:
        more = count - len(self._sums)
        rows = like.new_zeros(max(more, 0))
        self._sums, self._counts = (torch.cat([each.to(like), rows]) for each in (self._sums, self._counts))

    def memory(self) -> dict[str, Tensor]:
        """Means and how often each node was seen."""
        return {"sums": self._sums.cpu(), "counts": self._counts.cpu()}

    def recall(self, memory: Mapping[str, Tensor]) -> None:
        """Take up both."""
        self._sums, self._counts = memory["sums"], memory["counts"]


class SimMatch:
    """A strong view shall match a weak one in its class and in which labeled nodes it resembles (Zheng et al. 2022).

    Nodes are compared by the features that their logits are made of; the original has a further projection, and
    aligns classes to equal parts, which nodes do not have.
    """

    has_teacher = False
    strong_view = True

    def __init__(self) -> None:
        self._bank, self._labels = torch.zeros(0, 0), torch.zeros(0)

    def loss(self, step: Step) -> Tensor:
        """Cross-entropy with the target class, and with the target similarities."""
        self._remember(step.labeled, step.answer)
        weak, strong = step.teacher(step.unlabeled["patch"]), step.learner(step.unlabeled["second"])
        known = self._labels >= 0
        bank, classes = self._bank[known], self._labels[known]
        own, similar = weak.logits.sigmoid(), _similarities(weak, bank).softmax(-1)
        # Unfolded: what the network says of the class of every labeled node; aggregated: what those nodes say.
        unfolded = torch.where(classes == 1, own[:, None], 1 - own[:, None])
        target = similar * unfolded
        target = (target / target.sum(-1, keepdim=True).clamp_min(1e-12)).detach()
        said = (similar * (classes == 1)).sum(-1)
        wanted = (_SMOOTHING * own + (1 - _SMOOTHING) * said).detach()
        sure = (torch.maximum(wanted, 1 - wanted) > _CONFIDENT).to(own.dtype)
        by_class = functional.binary_cross_entropy_with_logits(strong.logits, wanted, reduction="none")
        by_likeness = -(target * _similarities(strong, bank).log_softmax(-1)).sum(-1)
        return (sure * by_class).mean() + by_likeness.mean()

    def _remember(self, labeled: Mapping[str, Any], answer: NodeOutput) -> None:
        index, new = labeled["index"], functional.normalize(_features(answer).detach())
        more = max(int(index.max()) + 1 - len(self._bank), 0)
        bank = self._bank.to(new) if len(self._bank) else new.new_zeros(0, new.shape[1])
        self._bank = torch.cat([bank, new.new_zeros(more, new.shape[1])])
        self._labels = torch.cat([self._labels.to(new), new.new_full((more,), -1.0)])
        first = (self._labels[index] < 0)[:, None]
        moved = torch.where(first, new, _BANK_MOMENTUM * self._bank[index] + (1 - _BANK_MOMENTUM) * new)
        self._bank[index] = functional.normalize(moved)
        self._labels[index] = labeled["label"].to(new)

    def memory(self) -> dict[str, Tensor]:
        """Features and labels of labeled nodes."""
        return {"bank": self._bank.cpu(), "labels": self._labels.cpu()}

    def recall(self, memory: Mapping[str, Tensor]) -> None:
        """Take up both."""
        self._bank, self._labels = memory["bank"], memory["labels"]


def _features(answer: NodeOutput) -> Tensor:
    if answer.features is None:
        raise InputError("simmatch compares features, which this network does not give: choose another network.")
    return answer.features


def _similarities(answer: NodeOutput, bank: Tensor) -> Tensor:
    return functional.normalize(_features(answer)) @ bank.T / _TEMPERATURE


def semi_supervised(name: MethodName, consistency: Consistency = "kl") -> SemiSupervised | None:
    """A method by name; ``None`` for supervised training alone.

    Raises:
        InputError: There is none of that name.
    """
    if name == "supervised":
        return None
    if name == "mean_teacher":
        return MeanTeacher(consistency)
    made: dict[str, Callable[[], SemiSupervised]] = {
        "pi_model": PiModel,
        "temporal_ensembling": TemporalEnsembling,
        "simmatch": SimMatch,
    }
    if name not in made:
        known = ", ".join(["supervised", "mean_teacher", *made])
        raise InputError(f"there is no semi-supervised method {name!r}: choose one of {known}.")
    return made[name]()
