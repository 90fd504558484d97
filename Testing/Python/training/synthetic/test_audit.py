"""The audit of a synthetic cohort: its figures, its statistics, its command."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

pytest.importorskip("lightning", reason="the 'training' packages are not installed")

from lnstation_training.cli import app
from lnstation_training.synthetic.audit.attributes import audit
from lnstation_training.synthetic.audit.report import markdown
from lnstation_training.synthetic.audit.statistics import attribute_auroc, auroc, wilson
from LNStationLib.phantom.cohort import CohortRequest, make_cohort
from LNStationLib.phantom.patient import complete, draw_patient, unplaced
from LNStationLib.phantom.preset import load_preset
from LNStationLib.phantom.records import read_patients


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cohort") / "lung"
    assert make_cohort(CohortRequest(folder, "lung", 6, 3, images=False)) == 6
    return folder


def test_the_audit_counts_what_the_tables_hold(cohort: Path) -> None:
    file, patients = read_patients(cohort)
    preset = load_preset("lung")
    figures = {figure.name: figure for figure in audit(patients, preset)}
    nodes = [row for row in rows(cohort / "truth" / "nodes.csv") if row["visible"] == "true"]
    positive = sum(row["malignant"] == "true" for row in nodes)
    assert figures["patients"].value == "6"
    assert figures["visible nodes a patient"].value.startswith(f"{len(nodes) / 6:.2f} ")
    assert figures["positive among visible nodes"].value.startswith(f"{positive} of {len(nodes)} ")
    positive = sum(int(row["nodes_positive"]) > 0 for row in rows(cohort / "pathology.csv"))
    name = "positive by pathology (undissected counted as negative)"
    assert figures[name].value.startswith(f"{positive} of {6 * 17} ")
    for category in ("N0", "N1", "N2", "N3"):
        expected = sum(row["n_category"] == category for row in rows(cohort / "patients.csv"))
        assert figures[f"p{category}"].value.startswith(f"{expected} of 6 ")
    text = markdown(audit(patients, preset), file, preset)
    assert "6 synthetic patients" in text
    assert "9961 in 1052" in text
    assert "other cohort" in text


def test_a_cohort_of_300_agrees_with_the_published_figures_but_for_what_the_preset_explains() -> None:
    for name in ("lung", "esophagus"):
        preset = load_preset(name)
        plans = [draw_patient(preset, 1, number) for number in range(1, 301)]
        figures = audit([complete(preset, plan, *unplaced(plan)) for plan in plans], preset)
        deviating = [figure for figure in figures if figure.verdict == "deviates"]
        assert sum(figure.verdict == "agrees" for figure in figures) >= 4
        assert all(figure.reason for figure in deviating), [figure.name for figure in deviating]
        assert len(deviating) <= 2


def test_an_audit_needs_patients() -> None:
    with pytest.raises(ValueError, match="at least one"):
        audit([], load_preset("lung"))


@given(st.integers(0, 50), st.integers(1, 50))
def test_a_wilson_interval_holds_the_share_it_is_of(part: int, whole: int) -> None:
    if part > whole:
        with pytest.raises(ValueError, match="part"):
            wilson(part, whole)
    else:
        low, high = wilson(part, whole)
        assert 0 <= low <= part / whole <= high <= 1


def test_known_intervals_and_areas() -> None:
    # Newcombe, Stat Med 1998, Table I: 81 of 263 and 15 of 148, Wilson without continuity correction.
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=1e-4)
    assert wilson(15, 148) == pytest.approx((0.0624, 0.1605), abs=1e-4)
    assert auroc([3, 4], [1, 2]) == 1
    assert auroc([1, 3], [2, 2]) == 0.5
    assert auroc([2], [2]) == 0.5
    assert auroc([], [1]) is None
    assert attribute_auroc([]) is None


def test_the_command_shows_and_writes_the_audit(cohort: Path) -> None:
    shown = CliRunner().invoke(app, ["audit", str(cohort)])
    assert shown.exit_code == 0, shown.output
    assert "39.7 to 67.2 %" in shown.output
    assert (cohort / "audit.md").read_text(encoding="utf-8").startswith("# Audit of a synthetic cohort")


def test_a_folder_that_is_not_a_cohort_is_refused(tmp_path: Path) -> None:
    refused = CliRunner().invoke(app, ["audit", str(tmp_path)])
    assert refused.exit_code == 2
    assert "is not a synthetic cohort" in refused.output
