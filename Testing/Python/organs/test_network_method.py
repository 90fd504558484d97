"""When the organ network is asked, and how its organs rank; a stand-in answers in its place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from io import StringIO

import numpy as np
import pytest
from organs.organ_cases import Thorax
from rich.console import Console
from states import said

from LNStationLib.assessment.assess import assess
from LNStationLib.case.case import Case
from LNStationLib.cli.summary import show_assessment
from LNStationLib.export.report.content import banners
from LNStationLib.export.wording import SYNTHETIC_MODEL
from LNStationLib.imaging.grid import working_grid
from LNStationLib.imaging.scan import scan_of
from LNStationLib.models.package import installed
from LNStationLib.organs import network
from LNStationLib.organs.context import Context
from LNStationLib.organs.findings import Findings
from LNStationLib.organs.network import SWITCH, WANTED, NetworkMethod, NetworkOptions, missing_organs
from LNStationLib.organs.registry import METHODS
from LNStationLib.organs.supplied import mask_on_grid
from LNStationLib.state.organ_set import OrganSet, OrganSource
from LNStationLib.state.packed_organs import PackedOrgans
from LNStationLib.state.patient_state import OrganPart, PatientState
from LNStationLib.state.settings import Settings, StepSettings
from LNStationLib.state.used_model import UsedModel
from LNStationLib.support.errors import GeometryError, InputError
from LNStationLib.support.progress import silent
from LNStationLib.support.reason import Reason

SPACING_MM = 2.5
STAND_IN = UsedModel("stand-in", "1.0", "0" * 64, "synthetic", ("a paper",))


@pytest.fixture(autouse=True)
def switched_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(SWITCH, raising=False)


def state_of(case: Case, settings: Settings | None = None) -> PatientState:
    grid = working_grid(case.ct, SPACING_MM)
    return PatientState(case, settings or Settings(), scan_of(case.ct, grid))


def answering(thorax: Thorax, *names: str) -> tuple[Callable[..., Findings], list[Context]]:
    """A stand-in that answers with true masks, and the contexts in which it was asked."""
    asked: list[Context] = []

    def organs_from(networks: object, context: Context, package: str) -> Findings:
        asked.append(context)
        found = Findings()
        for name in names:
            mask = mask_on_grid(thorax.grid.image(thorax.masks[name].astype(np.uint8)), context.scan.grid)
            found.organ(name, mask, OrganSource.NETWORK, Reason("of_network", {"package": package}))
        return found

    return organs_from, asked


def run(monkeypatch: pytest.MonkeyPatch, thorax: Thorax, case: Case, *names: str) -> tuple[OrganSet, list[Context]]:
    organs_from, asked = answering(thorax, *names)
    monkeypatch.setattr(network, "organs_from", organs_from)
    monkeypatch.setattr(network, "_ask", lambda *args: (STAND_IN, []))
    return NetworkMethod().run(state_of(case), NetworkOptions(), silent), asked


def test_the_network_fills_what_masks_and_image_leave_open(monkeypatch: pytest.MonkeyPatch, thorax: Thorax) -> None:
    organs, _ = run(monkeypatch, thorax, thorax.case("heart"), "aorta", "heart", "trachea")
    assert organs["aorta"].source is OrganSource.NETWORK
    assert organs["aorta"].how.facts == {"package": "stand-in"}
    assert organs["heart"].source is OrganSource.SUPPLIED
    assert organs["trachea"].source is OrganSource.IMAGE
    assert organs["aortic_arch"].source is OrganSource.NETWORK


def test_a_supplied_aorta_is_split_itself_rather_than_joined_by_parts_of_the_network(
    monkeypatch: pytest.MonkeyPatch, thorax: Thorax
) -> None:
    far_off = np.zeros_like(thorax.masks["aorta"])
    far_off[:5, :5, :5] = True
    monkeypatch.setitem(thorax.masks, "aortic_arch", far_off)
    monkeypatch.setitem(thorax.masks, "descending_aorta", far_off)
    organs, _ = run(monkeypatch, thorax, thorax.case("aorta"), "aortic_arch", "descending_aorta", "heart")
    for part in ("ascending_aorta", "aortic_arch", "descending_aorta"):
        assert organs[part].source is OrganSource.DERIVED
        assert not (organs[part].mask & ~organs["aorta"].mask).any()
    assert organs["heart"].source is OrganSource.NETWORK


def test_the_network_is_asked_once_airways_and_lungs_are_known(
    monkeypatch: pytest.MonkeyPatch, thorax: Thorax
) -> None:
    _, (context,) = run(monkeypatch, thorax, thorax.case(), "aorta")
    assert {"trachea", "lung_left", "lung_right"} <= set(context.organs)


def test_bones_come_from_the_image_where_it_shows_them(monkeypatch: pytest.MonkeyPatch, thorax: Thorax) -> None:
    organs, _ = run(monkeypatch, thorax, thorax.case("heart", "aorta"), "spine")
    assert organs["spine"].source is OrganSource.IMAGE


def test_an_image_that_is_upside_down_is_refused_before_the_network_is_asked(
    monkeypatch: pytest.MonkeyPatch, thorax: Thorax
) -> None:
    case = thorax.case()
    upside_down = replace(case, ct=thorax.grid.image(np.ascontiguousarray(thorax.hu[::-1])))
    organs_from, asked = answering(thorax, "aorta")
    monkeypatch.setattr(network, "organs_from", organs_from)
    monkeypatch.setattr(network, "_ask", lambda *args: (STAND_IN, []))
    with pytest.raises(GeometryError):
        NetworkMethod().run(state_of(upside_down), NetworkOptions(), silent)
    assert not asked


def test_a_case_with_every_organ_that_matters_needs_no_network(
    monkeypatch: pytest.MonkeyPatch, thorax: Thorax
) -> None:
    case = thorax.case("heart")
    complete = replace(case, organ_masks=dict.fromkeys(WANTED, case.organ_masks["heart"]))
    assert missing_organs(complete) == ()
    assert "aorta" in missing_organs(case)
    parts = dict.fromkeys(("ascending_aorta", "aortic_arch", "descending_aorta"), case.organ_masks["heart"])
    assert "aorta" not in missing_organs(replace(case, organ_masks=parts))


def test_the_automatic_choice_is_the_network_where_it_can_run(
    monkeypatch: pytest.MonkeyPatch, thorax: Thorax
) -> None:
    monkeypatch.setattr(installed, "missing_packages", list)
    assert METHODS.chosen(Settings(), thorax.case()).name == "network"
    monkeypatch.setenv(SWITCH, "1")
    assert METHODS.chosen(Settings(), thorax.case()).name == "supplied_and_image"


def test_without_what_runs_it_one_warning_says_so(monkeypatch: pytest.MonkeyPatch, thorax: Thorax) -> None:
    monkeypatch.setattr(installed, "missing_packages", lambda: ["torch"])
    case = thorax.case()
    method = METHODS.chosen(Settings(), case)
    organs = method.run(state_of(case), METHODS.options(method, Settings()), silent)
    assert method.name == "supplied_and_image"
    assert sum("without a network" in warning for warning in said(organs.warnings)) == 1


def test_a_network_that_was_asked_for_and_is_not_there_is_refused_in_a_sentence(
    monkeypatch: pytest.MonkeyPatch, thorax: Thorax
) -> None:
    monkeypatch.setattr(installed, "missing_packages", lambda: ["torch"])
    with pytest.raises(InputError, match="has no organ network"):
        METHODS.chosen(Settings(organs=StepSettings(method="network")), thorax.case())


def test_after_an_edit_of_an_organ_the_network_is_not_asked_again(
    monkeypatch: pytest.MonkeyPatch, thorax: Thorax
) -> None:
    case = thorax.case("heart")
    first, asked = run(monkeypatch, thorax, case, "aorta")
    assert first.segmented is not None
    kept = PackedOrgans.of(first.grid, first.segmented, first.model)
    edited = replace(state_of(replace(case, organ_edits={"heart": None})), organ_part=OrganPart((), segmented=kept))
    again = NetworkMethod().run(edited, NetworkOptions(), silent)
    assert len(asked) == 1
    assert again.model == STAND_IN
    assert sum("synthetic patients only" in warning for warning in said(again.warnings)) == 1
    assert np.array_equal(again["aorta"].mask, first["aorta"].mask)
    assert "heart" not in again


def test_organs_of_a_network_trained_on_synthetic_patients_say_so(
    monkeypatch: pytest.MonkeyPatch, thorax: Thorax
) -> None:
    organs, _ = run(monkeypatch, thorax, thorax.case(), "aorta")
    assert organs.model == STAND_IN
    assert sum("stand-in was trained on synthetic patients only" in warning for warning in said(organs.warnings)) == 1


def test_the_provenance_of_the_organs_names_the_package_and_what_it_was_trained_on(
    monkeypatch: pytest.MonkeyPatch, thorax: Thorax
) -> None:
    organs_from, _ = answering(thorax, "aorta")
    monkeypatch.setattr(network, "organs_from", organs_from)
    monkeypatch.setattr(network, "_ask", lambda *args: (STAND_IN, []))
    settings = Settings(organs="network", nodes="none", working_spacing_mm=SPACING_MM)
    assessment = assess(thorax.case(), settings).assessment
    (row,) = (row for row in assessment.provenance if row.step == "organs")
    assert (row.model_package, row.model_version, row.model_sha256) == ("stand-in", "1.0", "0" * 64)
    assert row.trained_on == "synthetic"
    assert UsedModel.of(row) == replace(STAND_IN, references=tuple(row.references))
    assert "a paper" in row.references
    assert assessment.trained_on_synthetic
    assert SYNTHETIC_MODEL in banners(assessment)
    console = Console(file=StringIO(), width=200)
    show_assessment(console, assessment, [])
    assert SYNTHETIC_MODEL in console.file.getvalue()  # type: ignore[attr-defined]


def test_a_case_whose_masks_suffice_names_no_package(monkeypatch: pytest.MonkeyPatch, thorax: Thorax) -> None:
    case = thorax.case("heart")
    complete = replace(case, organ_masks=dict.fromkeys(WANTED, case.organ_masks["heart"]))
    monkeypatch.setattr(network, "_ask", lambda *args: pytest.fail("asked"))
    monkeypatch.setattr(network, "find_organs", lambda case, scan, progress: OrganSet(scan.grid))
    assert NetworkMethod().run(state_of(complete), NetworkOptions(), silent).model is None
