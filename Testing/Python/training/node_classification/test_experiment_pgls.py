"""The rows of PGLS: every one can be built in every setting, and its tables are drawn from results."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from training.node_classification.conftest import TASK

from lnstation_training.engine.experiment import _config
from lnstation_training.engine.experiment_files import BACKBONE, read_rows, read_setting, setting_geometry
from lnstation_training.engine.values import FoldResult
from lnstation_training.tasks.node_classification.evaluation import (
    NodeEvaluation,
    PartCounts,
    chosen_rule,
    node_figures,
    station_figures,
)
from lnstation_training.tasks.node_classification.prediction import NodePrediction, station_predictions
from LNStationLib.models.package import Calibration
from LNStationLib.support.errors import InputError

PGLS = Path(__file__).resolve().parents[4] / "Training" / "experiments" / "pgls"
ROWS = read_rows(PGLS)


@pytest.mark.parametrize("setting", ["reduced", "gpu", "full"])
def test_every_row_goes_with_the_data_of_its_setting(setting: str, tmp_path: Path) -> None:
    chosen = read_setting(PGLS, setting)
    assert setting_geometry(chosen, TASK.geometry).labeled_patients == (0.6 if setting == "reduced" else 0.3)
    for name, row in ROWS.rows.items():
        config = _config(row, name, chosen, {})
        if setting != "reduced":
            # The same rows at a size that is built at once.
            config["model"]["network_arguments"].pop("backbone", None)
            config["model"]["network_arguments"] |= {"width": 1.0 if "resnet" in name else 0.25}
        module = TASK.module(**config["model"])
        TASK.check_settings(module, TASK.data(tmp_path, **config["data"]))
        starts_from_row = row.start_from not in (None, BACKBONE)
        assert (row.stage == "second") == (module.method is not None) == starts_from_row, name


def drawn(rng: np.random.Generator, shift: float) -> list[NodePrediction]:
    return [
        NodePrediction(
            patient=f"P{number // 4}",
            node=number % 4,
            label=number % 3 == 0,
            logit=float(rng.normal(shift * (number % 3 == 0))),
            station="7" if number % 2 else "8",
            station_positive=int(number // 4 % 2 == 0),
            short_axis_mm=6 + number % 5,
        )
        for number in range(80)
    ]


def evaluated(shift: float, calibration: Calibration | None) -> NodeEvaluation:
    nodes = drawn(np.random.default_rng(0), shift)
    stations = station_predictions(nodes, calibration)
    facts = {"cohort": "Drawn", "synthetic": True, "fold": 0, "seed": 0, "part": "test", "network": "node_slices"}
    return NodeEvaluation(
        **facts,
        parameters=1_000_000,
        epochs=1,
        method="supervised",
        counts={part: PartCounts(patients=20, nodes=80, positive=27) for part in ("train", "validation", "test")},
        unlabeled=10,
        calibration=calibration,
        figures=node_figures(nodes, 20),
        size_auc=0.5,
        expected_calibration_error=0.1,
        station_rule=chosen_rule(stations),
        station_figures=station_figures(stations, 20),
        nodes=nodes,
        stations=stations,
    )


def result(row: str, shift: float) -> FoldResult:
    calibration = Calibration(slope=2.0, intercept=-1.0, fitted_on="validation")
    facts = {"row": row, "fold": 0, "seed": 0, "setting": "tiny", "config": {}, "seconds": 1.0, "threads": 1}
    return FoldResult(**facts, evaluation=evaluated(shift, calibration))


def test_tables_show_every_measure_with_its_interval_and_what_was_not_run() -> None:
    results = {name: [result(name, shift)] for name, shift in (("supervised", 1.0), ("pgls", 3.0))}
    text = TASK.result_tables(ROWS, results)
    assert "They are synthetic: none of these figures says anything about patients." in text
    lines = [line for line in text.splitlines() if line.startswith("| Ours, supervised + mean teacher + label")]
    assert len(lines) == 3
    assert lines[0].count("(") >= 5
    assert (
        "| Network | Parameters | AUROC | S@R75 | R@S75 | A@R75 | A@S75 | AUC gain | p | Stations, AUC | Folds |"
        in text
    )
    assert "| DualNet, 3D | not run |" in text
    assert text.count("| Short axis alone |") == 4
    assert "beta 0.7" in text
    assert "< 0.001" in text
    pie = ROWS.model_copy(update={"tables": [ROWS.tables[0].model_copy(update={"kind": "pie"})]})
    with pytest.raises(InputError, match="is of kind 'pie': choose metrics, sweep"):
        TASK.result_tables(pie, results)


def test_the_rule_for_stations_is_the_one_whose_probabilities_come_nearest_to_pathology() -> None:
    def station(label: int, noisy_or: float, highest: float):
        node = drawn(np.random.default_rng(0), 1.0)[0]
        (found,) = station_predictions([node.model_copy(update={"station_positive": label})], None)
        return found.model_copy(update={"probabilities": {"noisy_or": noisy_or, "max": highest}})

    assert chosen_rule([station(1, 0.9, 0.6), station(0, 0.3, 0.2)]) == "noisy_or"
    assert chosen_rule([station(1, 0.9, 0.8), station(0, 0.8, 0.2)]) == "max"
    assert chosen_rule([]) == "max"


def test_stations_take_all_their_nodes_and_only_those_whose_pathology_is_known_count() -> None:
    nodes = drawn(np.random.default_rng(0), 1.0)[:4]
    nodes[0] = nodes[0].model_copy(update={"station_positive": None})
    found = {each.station: each for each in station_predictions(nodes, None)}
    assert {name: each.n_nodes for name, each in found.items()} == {"7": 2, "8": 1}
    one, other = (1 / (1 + np.exp(-nodes[index].logit)) for index in (1, 3))
    assert found["7"].probabilities["noisy_or"] == pytest.approx(1 - (1 - one) * (1 - other))
    assert found["7"].probabilities["max"] == pytest.approx(max(one, other))
