"""Scores of stations, and the tables drawn from results."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

pytest.importorskip("torch", reason="the 'networks' packages are not installed")
pytest.importorskip("lightning", reason="the 'training' packages are not installed")

from lnstation_training.engine.experiment_files import Row, Rows, TableLine, TableSpec
from lnstation_training.engine.values import FoldResult
from lnstation_training.tasks.station_segmentation.organ_search import ranked
from lnstation_training.tasks.station_segmentation.result_tables import tables_markdown
from lnstation_training.tasks.station_segmentation.scores import (
    PatientScores,
    StationEvaluation,
    by_patient,
    gains,
    missed_and_invented,
    of_station,
    over_patients,
    patient_scores,
    zone_accuracy,
)
from LNStationLib import anatomy
from LNStationLib.support.errors import InputError

SPACING_MM = (3.0, 2.0, 2.0)


def scores(patient: str, shift: int) -> PatientScores:
    """4R moved along x; 7 where it is; 8 missed; 6 found where the truth has none."""
    truth, nodes = np.zeros((6, 20, 20), np.uint8), np.zeros((6, 20, 20), np.uint8)
    truth[:3, 2:8, 2:12] = anatomy.station("4R").label_value
    truth[3:, 2:8, 2:12] = anatomy.station("7").label_value
    truth[3:, 10:14, 2:12] = anatomy.station("8").label_value
    found = np.where(truth == anatomy.station("8").label_value, 0, truth).astype(np.uint8)
    found[:3] = np.roll(found[:3], shift, 2)
    found[:2, 12:16, 2:6] = anatomy.station("6").label_value
    nodes[1, 3:5, 4:6], nodes[4, 11:13, 4:6] = 1, 2
    return patient_scores(patient, found, truth, ("4R", "6", "7", "8"), SPACING_MM, nodes)


def result(row: str, shifts: Sequence[int], fold: int = 0, weights: Sequence[float] = (), **more) -> FoldResult:
    patients = [scores(f"P{fold}{number}", shift) for number, shift in enumerate(shifts)]
    evaluation = StationEvaluation(
        cohort="Drawn", synthetic=True, fold=fold, seed=0, part="test", network="dynunet", parameters=1_500_000,
        epochs=3, stations=["4R", "6", "7", "8"], organs=["esophagus", "heart"], organ_source="predicted",
        organ_dice={"esophagus": 0.8}, ranking=ranked(["esophagus", "heart", "spine"], weights) if weights else [],
        patients=patients, comparators={"IASLC definitions": patients[:1]},
    )  # fmt: skip
    evaluation = evaluation.model_copy(update=more)
    return FoldResult(
        row=row, fold=fold, seed=0, setting="tiny", config={}, seconds=1.0, threads=1, evaluation=evaluation
    )


def rows(kind: str, *names: str) -> Rows:
    table = TableSpec(title="Table", kind=kind, lines=[TableLine(rows=[name]) for name in names])
    return Rows(
        title="Drawn", task="station_segmentation", rows={name: Row(title=name.upper(), model={}) for name in names},
        tables=[table],
    )  # fmt: skip


def test_a_patient_is_scored_station_by_station_and_node_by_node() -> None:
    found = scores("P", 2)
    assert found.stations["4R"].dice == pytest.approx(0.8)
    assert found.stations["4R"].hd_mm == pytest.approx(4.0)
    assert (found.stations["7"].dice, found.stations["8"].dice, found.stations["6"].dice) == (1.0, 0.0, None)
    # The node of the missed station 8 lies in no zone.
    assert (found.nodes, found.nodes_in_zone) == (2, 1)


def test_means_are_over_stations_then_patients_and_what_is_not_defined_is_left_out() -> None:
    patients = [scores("A", 0), scores("B", 2)]
    assert over_patients(patients, "dice").value == pytest.approx(np.mean([2 / 3, (0.8 + 1 + 0) / 3]))
    assert over_patients(patients, "hd_mm").value == pytest.approx(np.mean([0, 2.0]))
    assert of_station(patients, "6", "dice").value is None
    assert missed_and_invented(patients) == (2, 2)
    assert zone_accuracy(patients).value == 0.5


def test_table_1_has_a_block_for_each_measure_and_a_line_for_each_station() -> None:
    text = tables_markdown(
        rows("stations", "ct", "organs"), {"ct": [result("ct", [2, 2])], "organs": [result("organs", [0, 0])]}
    )
    assert text.startswith("# Drawn: results\n\nCohort: Drawn. They are synthetic")
    assert "| Dice, % | CT | ORGANS |" in text
    assert "| 4R right lower paratracheal | 80.0 +- 0.0 | 100.0 +- 0.0 |" in text
    assert "| 8 paraesophageal (below carina) | 0.0 +- 0.0 | 0.0 +- 0.0 |" in text
    assert "| 6 para-aortic (ascending aorta or phrenic) | - | - |" in text
    assert "| Average | 60.0 +- 0.0 | 66.7 +- 0.0 |" in text
    assert "| HD, mm | CT | ORGANS |" in text
    assert "| ASD, mm | CT | ORGANS |" in text


def test_a_summary_has_intervals_comparators_and_says_what_was_not_run() -> None:
    text = tables_markdown(rows("summary", "ct", "organs"), {"ct": [result("ct", [2, 0]), result("ct", [1, 0], 1)]})
    (line,) = [each for each in text.splitlines() if each.startswith("| CT |")]
    cells = [cell.strip() for cell in line.strip("|").split("|")]
    assert cells[1:3] == ["2", "1.50 M"]
    assert " to " in cells[3]
    assert cells[-3:] == ["4", "4", "4"]
    assert "| ORGANS | not run |" in text
    assert "| IASLC definitions |" in text


def test_a_ranking_joins_searches_and_tells_how_they_agree() -> None:
    searches = [result("search", [0], 0, (0.5, 0.3, 0.2)), result("search", [0], 1, (0.5, 0.2, 0.3))]
    text = tables_markdown(rows("ranking", "search"), {"search": searches})
    assert "| 1 | esophagus | 0.5000 | 1, 1 | 1 |" in text
    assert "All weights start at 0.3333." in text
    assert "mean over pairs: 0.33." in text


def test_a_ranking_shows_the_search_that_was_run_where_others_of_its_line_were_not() -> None:
    found = rows("ranking", "search", "search_seed_1")
    together = found.tables[0].model_copy(update={"lines": [TableLine(rows=["search", "search_seed_1"])]})
    searches = {"search": [result("search", [0], 0, (0.5, 0.3, 0.2))]}
    text = tables_markdown(found.model_copy(update={"tables": [together]}), searches)
    assert "| 1 | esophagus | 0.5000 | 1 | 1 |" in text


def test_organs_have_their_dice_by_row() -> None:
    text = tables_markdown(rows("organs", "search"), {"search": [result("search", [0])]})
    assert "| esophagus | 80.0 |" in text


def test_a_table_of_an_unknown_kind_is_refused() -> None:
    with pytest.raises(InputError, match="choose stations, summary, differences, ranking, organs"):
        tables_markdown(rows("metrics", "ct"), {"ct": [result("ct", [0])]})


def test_an_evaluation_comes_back_from_json() -> None:
    evaluation = result("ct", [1], weights=(0.5, 0.3, 0.2)).evaluation
    assert StationEvaluation.model_validate_json(evaluation.model_dump_json()) == evaluation
    assert evaluation.headline().startswith("test Dice 0.")


def test_a_gain_is_of_the_same_patient_over_stations_that_both_have() -> None:
    base, other = by_patient([scores("A", 0), scores("B", 2), scores("C", 0)]), by_patient([scores("A", 2)])
    # Of three stations that the truth has, 4R falls from 1 to 0.8.
    assert gains(base, other, "dice") == pytest.approx([-0.2 / 3])
    # The missed station 8 has no distance in either.
    assert gains(base, other, "hd_mm") == pytest.approx([4.0 / 2])


def test_differences_are_drawn_against_the_tables_reference_row() -> None:
    found = rows("differences", "ct_only", "searched_6", "anchors")
    table = found.tables[0].model_copy(update={"reference": "ct_only"})
    results = {"ct_only": [result("ct_only", [2, 2, 2])], "searched_6": [result("searched_6", [0, 0, 0])]}
    text = tables_markdown(found.model_copy(update={"tables": [table]}), results)
    assert "Differences from CT_ONLY:" in text
    assert "| SEARCHED_6 | 6.7 (6.7 to 6.7) | -2.0 (-2.0 to -2.0) | 3 | 3 |" in text
    assert "| ANCHORS | not run |" in text
    with pytest.raises(InputError, match="name it as its reference"):
        tables_markdown(found, results)
