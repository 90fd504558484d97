"""Where a router sends whole stations: the paper's routing accuracy is by station (SA-MoE, Fig. 3)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from pydantic import BaseModel, ConfigDict

from lnstation_training.engine.values import Part
from lnstation_training.tasks.station_classification.data_module import StationDataModule
from lnstation_training.tasks.station_classification.lightning_module import StationModule
from lnstation_training.tasks.station_classification.prediction import Prediction, predict_dataset


class StationRouting(BaseModel):
    """Routing of all stations of a part, dissected or not: a router needs no pathology.

    Attributes:
        n_patients: Of the part.
        n_stations: All of theirs.
        confusion: Row: true group; column: part of its stations of which that expert got most tokens.
        stations: Part of the stations of which their own group's expert got most tokens.
        tokens: Part of all tokens that their own group's expert got.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    n_patients: int
    n_stations: int
    confusion: list[list[float]]
    stations: float
    tokens: float


def station_routing(
    module: StationModule, data: StationDataModule, part: Part, known: Sequence[Prediction], device: str = "cpu"
) -> StationRouting | None:
    """Route every station of a part; ``None`` for a network without one expert for each group.

    Args:
        module: With trained weights.
        data: Its fold.
        part: Which part.
        known: Answers for labeled stations, of other parts too; the network is not asked for those again.
        device: ``"cpu"`` or ``"cuda"``.
    """
    if not known[0].router:
        return None
    data.setup()
    dataset, answers = data.every_station(part), {(each.patient, each.station): each for each in known}
    wanted = [(each.patient, each.station) for each in dataset.samples]
    dataset.samples = [each for each in dataset.samples if (each.patient, each.station) not in answers]
    found = [answers[each] for each in wanted if each in answers]
    found += predict_dataset(module, dataset, data.batch_size, device)
    return routing_of(found, data.n_groups)


def routing_of(predictions: Sequence[Prediction], n_groups: int) -> StationRouting | None:
    """Routing figures of predictions; see ``station_routing``."""
    parts = np.array([each.router for each in predictions])
    if not len(parts) or parts.shape[1] != n_groups:
        return None
    groups, chosen = np.array([each.group for each in predictions]), parts.argmax(axis=1)
    return StationRouting(
        n_patients=len({each.patient for each in predictions}),
        n_stations=len(predictions),
        confusion=[_shares(chosen[groups == group], n_groups) for group in range(n_groups)],
        stations=float((chosen == groups).mean()),
        tokens=float(parts[np.arange(len(parts)), groups].mean()),
    )


def _shares(chosen: np.ndarray, n_groups: int) -> list[float]:
    counts = np.bincount(chosen, minlength=n_groups)
    return [float(count / max(len(chosen), 1)) for count in counts]
