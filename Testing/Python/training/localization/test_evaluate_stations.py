"""Station methods held to nodes of known station: figures, places, resuming, faults and the command."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from training.localization.drawn_stations import OTHER, RIGHT, DrawnStations, drawn_methods, write_cohort
from typer.testing import CliRunner

from lnstation_training.cli.app import app
from lnstation_training.cohorts.tables import read_cohort
from lnstation_training.evaluation.localization import Place, PlacedNode, gain, placement_figures
from lnstation_training.localization.places import node_places
from lnstation_training.localization.report import nodes_csv, side_by_side
from lnstation_training.localization.result import localization_result
from lnstation_training.localization.run import method_settings, place_cohort
from LNStationLib import anatomy
from LNStationLib.state.settings import Settings, StepSettings
from LNStationLib.support.errors import InputError, OutputError

SETTINGS = Settings(working_spacing_mm=4.0, organs=StepSettings(method="toy"))


# Figures


def placed(patient: str, node: int, station: str, **called: str | None) -> PlacedNode:
    places = {
        method: Place(station=name, share=None, largest_weight=name, nearest=name or "7", nearest_mm=0.0)
        for method, name in called.items()
    }
    return PlacedNode(patient=patient, node=node, station=station, places=places)


NODES = [
    placed("P1", 1, "4R", rules="4R", atlas="2R"),
    placed("P1", 2, "7", rules="7", atlas="8"),
    placed("P2", 1, "4R", rules="10R", atlas="4R"),
    placed("P2", 2, "7", rules=None, atlas="7"),
    placed("P3", 1, "4L", rules="2L"),
]


def test_a_node_of_another_station_of_its_zone_counts_by_zone_alone() -> None:
    found = placement_figures(NODES, "rules")
    assert (found.n, found.outside) == (5, 1)
    rates = found.rates["largest_part"]
    assert (rates["station"].value, rates["zone"].value) == pytest.approx((2 / 5, 3 / 5))
    assert rates["zone"].low < rates["zone"].value < rates["zone"].high


def test_a_node_outside_all_stations_is_counted_apart_and_may_go_to_the_nearest() -> None:
    found = placement_figures(NODES, "rules")
    subcarinal = next(group for group in found.zones if group.name == "subcarinal")
    assert (subcarinal.n, subcarinal.right_zone, subcarinal.outside) == (2, 1, 1)
    assert found.confusion["7"] == {"7": 1, "outside": 1}
    assert found.rates["nearest"]["station"].value == pytest.approx(3 / 5)


def test_methods_are_compared_on_the_nodes_that_both_have() -> None:
    found = gain(NODES, "rules", "atlas", "station")
    assert found is not None
    assert (found.n, found.difference, found.p_value) == pytest.approx((4, 0.0, 1.0))
    assert gain(NODES[:2], "rules", "atlas", "station") is None


SEVERAL = [
    NODES[0].model_copy(update={"further": ["2R"]}),
    NODES[1].model_copy(update={"further": ["8"]}),
    NODES[2].model_copy(update={"further": ["10R", "11R"]}),
]


def test_a_second_station_of_the_reader_counts_where_it_is_accepted_and_both_figures_are_given() -> None:
    first, either = (placement_figures(SEVERAL, "rules", accepted) for accepted in ("first", "any"))
    assert first.n_further == 3
    for found in (first, either):
        assert found.rates["largest_part"]["station"].value == pytest.approx(2 / 3)
        assert found.rates_any["largest_part"]["station"].value == 1.0
    assert [group.right_station for group in first.stations] == [1, 1]
    assert [group.right_station for group in either.stations] == [2, 1]
    assert either.chosen_rates == either.rates_any
    compared = [gain(SEVERAL, "rules", "atlas", "station", accepted) for accepted in ("first", "any")]
    assert [found.difference for found in compared] == pytest.approx([1 / 3, 0.0])


def test_one_patient_gives_no_interval() -> None:
    rate = placement_figures(NODES[:2], "rules").rates["largest_part"]["station"]
    assert (rate.value, rate.low, rate.high) == (1.0, None, None)


# Places


def image(values: np.ndarray, spacing: tuple[float, float, float] = (1.0, 1.0, 2.0)) -> sitk.Image:
    made = sitk.GetImageFromArray(values)
    made.SetSpacing(spacing)
    return made


def two_stations() -> np.ndarray:
    labels = np.zeros((8, 12, 40), np.uint8)
    labels[:, :, :10] = anatomy.station("4R").label_value
    labels[:, :, 10:14] = anatomy.station("2R").label_value
    return labels


def test_a_node_on_a_border_belongs_to_the_larger_part_and_by_weight_to_the_nearer_centroid() -> None:
    nodes = np.zeros((8, 12, 40), np.uint16)
    nodes[3:5, 5:7, 6:12] = 5
    place = node_places(image(nodes), image(two_stations()), [5, 6])[5]
    assert (place.station, place.nearest, place.nearest_mm) == ("4R", "4R", 0.0)
    assert place.share == pytest.approx(4 / 6)
    assert place.largest_weight == "2R"


def test_a_node_outside_all_stations_knows_the_nearest_and_how_far_it_is() -> None:
    nodes = np.zeros((8, 12, 40), np.uint16)
    nodes[3:5, 5:7, 20:22] = 1
    nodes[3:5, 5:7, 38:40] = 2
    places = node_places(image(nodes), image(two_stations()), [1, 2])
    assert (places[1].station, places[1].nearest) == (None, "2R")
    assert places[1].nearest_mm == pytest.approx(7.0)
    assert (places[2].nearest, places[2].nearest_mm) == (None, None)


def test_nodes_may_have_a_grid_of_their_own_and_lie_outside_the_ct() -> None:
    nodes = np.zeros((16, 6, 30), np.uint16)
    nodes[6:10, 2:4, 2:4] = 1
    nodes[:, :, 25:] = 2
    coarse = image(nodes, (2.0, 2.0, 1.0))
    places = node_places(coarse, image(two_stations()), [1, 2])
    assert places[1].station == "4R"
    assert set(places) == {1}


# A cohort


def test_every_method_places_every_node_and_a_second_run_takes_what_is_there(tmp_path: Path) -> None:
    tables = write_cohort(tmp_path)
    cohort = read_cohort(tables[0], None, tables[1], needs=("nodes", "node_pathology"))
    first, second = DrawnStations("first", RIGHT), DrawnStations("second", OTHER)
    with drawn_methods(first, second):
        settings = method_settings(SETTINGS, ["first", "second"])
        place_cohort(cohort, settings, tmp_path / "out")
        (tmp_path / "out" / "cases" / "P1" / "second.json").write_text("{", encoding="utf-8")
        found = place_cohort(cohort, settings, tmp_path / "out")
        result = localization_result(cohort, found, settings, "Drawn", synthetic=True)
    assert (first.runs, second.runs) == (2, 3)
    rates = {method.name: method.figures.rates["largest_part"] for method in result.methods if method.figures}
    assert (rates["first"]["station"].value, rates["first"]["zone"].value) == (1.0, 1.0)
    assert (rates["second"]["station"].value, rates["second"]["zone"].value) == pytest.approx((1 / 3, 2 / 3))
    assert [(each.level, each.difference) for each in result.gains] == [
        ("station", pytest.approx(2 / 3)),
        ("zone", pytest.approx(1 / 3)),
    ]
    assert [(row.patient, row.node) for row in result.left_out] == [("P1", 9)]
    assert [(each.code, each.n_patients) for each in result.methods[0].remarks] == [("as_written", 2)]
    rows = list(csv.DictReader(nodes_csv(result).splitlines()))
    assert [row["second_station"] for row in rows[:3]] == ["4R", "4L", "8"]
    assert [row["further_stations"] for row in rows[:3]] == ["", "", "8"]
    assert any("synthetic" in line for line in side_by_side(result).lines)
    for method in result.methods:
        assert method.station_seconds is not None
        assert method.station_seconds.highest >= method.station_seconds.median >= 0


def test_a_patient_who_cannot_be_read_stops_no_other_and_is_named(tmp_path: Path) -> None:
    tables = write_cohort(tmp_path)
    (tmp_path / "P0" / "ct.nii.gz").write_bytes(b"no image")
    cohort = read_cohort(tables[0], None, tables[1], needs=("nodes", "node_pathology"))
    with drawn_methods(DrawnStations("first", RIGHT), DrawnStations("second", OTHER)):
        settings = method_settings(SETTINGS, ["first"])
        found = place_cohort(cohort, settings, tmp_path / "out")
        result = localization_result(cohort, found, settings, "Drawn", synthetic=True)
    assert {node.patient for node in result.nodes} == {"P1"}
    assert result.left_out[0].patient == "P0"
    assert "ct.nii.gz" in result.left_out[0].reason


def test_an_unknown_method_and_a_table_without_stations_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no method 'nobody' for stations"):
        method_settings(SETTINGS, ["nobody"])
    tables = write_cohort(tmp_path, 1)
    whole = read_cohort(tables[0], None, tables[1], needs=())
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="choose another folder"):
        place_cohort(whole, method_settings(SETTINGS, ["iaslc_rules"]), tmp_path / "file" / "out")
    cohort = read_cohort(tables[0], needs=())
    with pytest.raises(InputError, match="no patient has a map of nodes"):
        place_cohort(cohort, method_settings(SETTINGS, ["iaslc_rules"]), tmp_path / "out")


def test_the_command_writes_tables_and_pictures(tmp_path: Path) -> None:
    patients, nodes = write_cohort(tmp_path, 1)
    out = tmp_path / "out"
    arguments = ["evaluate-stations", "--patients", str(patients), "--nodes", str(nodes), "--out", str(out)]
    arguments += ["--methods", "first,second", "--organs.method", "toy", "--working-spacing", "4", "--title", "Drawn"]
    arguments += ["--accept-stations", "any"]
    with drawn_methods(DrawnStations("first", RIGHT), DrawnStations("second", OTHER, moved_slices=1)):
        done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, done.output
    assert {"results.json", "nodes.csv", "zones.png", "confusion.png"} <= {path.name for path in out.iterdir()}
    written = json.loads((out / "results.json").read_text(encoding="utf-8"))
    assert [method["name"] for method in written["methods"]] == ["first", "second"]
    assert "zone right, by largest part" in done.output
    assert "of processor time" in done.output
    assert "1 of 3 nodes have more than one station by the reader" in done.output
    # The second method puts node 3 of station 7 into 8, which the reader allows.
    rates = [
        written["methods"][1]["figures"][name]["largest_part"]["station"]["value"] for name in ("rates", "rates_any")
    ]
    assert rates == pytest.approx([1 / 3, 2 / 3])


def test_the_command_wants_tables_or_a_synthetic_cohort_but_not_both(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["evaluate-stations", "--phantom", "a", "--nodes", "b", "--out", str(tmp_path)])
    assert "Give the tables" in done.output + str(done.exception)
