"""Groups of stations, and what an N category says of them: the pseudo labels of Engelson et al. 2026, Table 3."""

from __future__ import annotations

import torch
from torch import Tensor

from lnstation_training.tasks.n_staging.data_module import SIDES, UNKNOWN
from lnstation_training.tasks.station_patches.samples import STATIONS
from LNStationLib.staging.rules import Rules, lung_rules
from LNStationLib.support.types import Side

N_GROUPS = 3
PSEUDO_LABELS = (
    (0, 0, 0),
    (1, 0, 0),
    (UNKNOWN, 1, 0),
    (UNKNOWN, UNKNOWN, 1),
)
"""By N category 0 to 3, of the groups whose stations give N1, N2 and N3."""


def group_members(rules: Rules) -> Tensor:
    """Which stations lie in which group, bool ``[side, group, station]``, sides in the order of ``SIDES``.

    A station without a side (3A, 3P, 8, 9) is where the rules put it without one: ipsilateral.
    """
    groups = [[_number_of(station, side, rules) for station in STATIONS] for side in SIDES]
    found = torch.nn.functional.one_hot(torch.tensor(groups), N_GROUPS)
    return found.movedim(-1, 1).bool()


def _number_of(station: str, side: str, rules: Rules) -> int:
    wanted: Side = "L" if side == "L" else "R"
    return int(lung_rules().rule_sets[rules].group_of(station, wanted)[1]) - 1


def pseudo_labels(stage: Tensor) -> Tensor:
    """Labels of the groups, int64 ``[B, 3]``; ``UNKNOWN`` where the N category leaves it open or is not known.

    Args:
        stage: 0 to 3 or ``UNKNOWN``, int64 ``[B]``.
    """
    table = torch.tensor([*PSEUDO_LABELS, (UNKNOWN,) * N_GROUPS], device=stage.device)
    # The last row stands for what is not known.
    return table[torch.where(stage == UNKNOWN, len(PSEUDO_LABELS), stage)]


def group_probabilities(probabilities: Tensor, seen: Tensor, members: Tensor) -> Tensor:
    """Of each group the largest probability of its stations that were seen, ``[B, 3]``; 0 where none was.

    Args:
        probabilities: Of stations, ``[B, L]``.
        seen: bool ``[B, L]``.
        members: bool ``[B, 3, L]``, see ``group_members``.
    """
    inside = members & seen[:, None]
    return torch.where(inside, probabilities[:, None], 0.0).amax(dim=-1)
