"""Texts of a scene that cannot be read any more: told once, kept, and the rest of the case works."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import slicer_host

if _reason := slicer_host.why_unavailable():
    pytest.skip(_reason, allow_module_level=True)
slicer = slicer_host.start()

from LNStationSlicer.case import SceneTexts  # noqa: E402
from LNStationSlicer.case.CaseScene import CaseScene  # noqa: E402
from LNStationSlicer.case.CaseSettings import CaseSettings  # noqa: E402
from LNStationSlicer.case.NodeRows import nodeRows  # noqa: E402
from LNStationSlicer.case.OrganRows import organRows  # noqa: E402
from LNStationSlicer.case.Readers import readersOf, switchReader  # noqa: E402
from LNStationSlicer.case.StationRows import stationRows  # noqa: E402
from LNStationSlicer.exchange.MethodDefinitions import shippedSteps  # noqa: E402
from LNStationSlicer.views.OverlayOptions import OverlayOptions  # noqa: E402
from LNStationSlicer.views.Overlays import Overlays  # noqa: E402
from module.mrml_cases import make_case, make_volume  # noqa: E402

from Testing.Faults import draws  # noqa: E402

SEEDS = range(50)
TEXTS = {
    "review": SceneTexts.REVIEW, "otherReviews": SceneTexts.OTHER_REVIEWS, "assessment": SceneTexts.ASSESSMENT,
    "settings": SceneTexts.SETTINGS, "packages": SceneTexts.PACKAGES, "displayState": SceneTexts.DISPLAY_STATE,
    "assessedSettings": SceneTexts.ASSESSED_SETTINGS, "petLooks": SceneTexts.PET_LOOKS,
    "laidOver": SceneTexts.LAID_OVER, "priorToCase": SceneTexts.PRIOR_TO_CASE,
}  # fmt: skip


@pytest.fixture(scope="module")
def case() -> Iterator[CaseScene]:
    """A case with a text of every kind."""
    slicer_host.clear_scene()
    made = make_case(pet=make_volume(name="PET"))
    for reader in ("B", "A"):
        switchReader(made, reader)
        made.review().setCall("4R", "positive")
    settings = CaseSettings(made.node)
    settings.setValue("metastasis", ["clinical_criteria"], "short_axis_threshold_mm", 8.0)
    settings.setPackage("metastasis", "station_network", {"path": "/gone/x.zip", "id": "x", "title": "X"})
    settings.setMethod("metastasis", "station_network")
    settings.rememberAssessed(settings.asDict())
    Overlays(made).apply(OverlayOptions(foreground="pet"))
    made.setPrior(made)
    SceneTexts.PRIOR_TO_CASE.write(made.node, np.eye(4).tolist())
    yield made
    slicer_host.clear_scene()


def holder(case: CaseScene, name: str) -> Any:
    return case.node if TEXTS[name].parameter else case.node.GetNodeReference(name)


@pytest.fixture
def whole(case: CaseScene) -> Iterator[dict[str, str]]:
    """The texts as they are, put back afterwards."""
    texts = {name: kind._text(holder(case, name)) for name, kind in TEXTS.items()}
    assert all(texts.values()), texts
    yield texts
    SceneTexts.takeNews(case.scene)
    for node in case._references("damagedText"):
        case.scene.RemoveNode(node)
    for name, text in texts.items():
        TEXTS[name]._put(holder(case, name), text)


def read_all(case: CaseScene) -> None:
    """What the panel reads."""
    review, assessment = case.review(), case.assessment()
    stationRows(assessment, review)
    nodeRows(assessment, "4R")
    organRows(case)
    case.updateTable()
    settings = CaseSettings(case.node)
    settings.forWorker(shippedSteps(), "cpu")
    settings.forRestoring()
    settings.package("metastasis", "station_network")
    overlays = Overlays(case)
    overlays.apply(overlays.options())
    overlays.hide()
    review.setCall("7", "negative")
    review.logEdit("4R", 2.0, 1.0)
    json.dumps(review.asReview(), allow_nan=False)
    SceneTexts.PRIOR_TO_CASE.read(case.node)
    for reader in (*readersOf(case), "C"):
        if reader.strip():
            switchReader(case, reader)


@pytest.mark.parametrize("name", TEXTS)
def test_a_text_that_is_no_json_is_kept_and_told_once(case: CaseScene, whole: dict[str, str], name: str) -> None:
    broken = whole[name][:-9]
    TEXTS[name]._put(holder(case, name), broken)
    read_all(case)
    (kept,) = case._references("damagedText")
    assert kept.GetText() == broken
    (sentence,) = SceneTexts.takeNews(case.scene)
    assert kept.GetName() in sentence
    assert "it is not JSON any more" in sentence
    read_all(case)
    assert SceneTexts.takeNews(case.scene) == []
    others = set(TEXTS) - {name}
    assert all(holder(case, one) is not None for one in others)


def test_a_damaged_text_says_where(case: CaseScene, whole: dict[str, str]) -> None:
    review = json.loads(whole["review"])
    review["calls"]["4R"]["call"] = "perhaps"
    TEXTS["review"]._put(case.reviewNode(), json.dumps(review))
    assert case.review().calls() == {}
    (sentence,) = SceneTexts.takeNews(case.scene)
    assert "calls.4R.call is none of positive, negative" in sentence


@pytest.mark.parametrize("seed", SEEDS)
def test_whatever_is_damaged_the_case_can_be_read(case: CaseScene, whole: dict[str, str], seed: int) -> None:
    rng = np.random.default_rng(seed)
    name = draws.pick(rng, tuple(TEXTS))
    _said, content = draws.damage_json(rng, json.loads(whole[name]))
    text = draws.json_text(rng, content).decode("utf-8", "replace")
    TEXTS[name]._put(holder(case, name), text)
    read_all(case)
    kept = [node.GetText() for node in case._references("damagedText")]
    assert kept == ([text] if text and SceneTexts._checked(text, TEXTS[name].shape)[0] else [])
    assert len(SceneTexts.takeNews(case.scene)) == len(kept)


def fields(content: Any, depth: int = 3) -> list[tuple[str, ...]]:
    """Where the fields of objects within objects are."""
    if not isinstance(content, dict) or depth == 0:
        return []
    return [(key, *rest) for key, value in content.items() for rest in ((), *fields(value, depth - 1))]


def without(content: Any, path: tuple[str, ...]) -> Any:
    """The content without one field."""
    key, *rest = path
    return {
        name: without(value, tuple(rest)) if name == key else value
        for name, value in content.items()
        if rest or name != key
    }


@pytest.mark.parametrize("name", TEXTS)
def test_without_one_of_its_fields_a_text_can_be_read(case: CaseScene, whole: dict[str, str], name: str) -> None:
    content = json.loads(whole[name])
    # Assessments have a published schema, and thousands of fields: those within are left to the seeds.
    for path in fields(content, 1 if name == "assessment" else 3):
        TEXTS[name]._put(holder(case, name), json.dumps(without(content, path)))
        read_all(case)


def test_a_removed_case_takes_its_damaged_texts_along() -> None:
    made = make_case(name="Gone")
    made.reviewNode().SetText("{")
    made.review().calls()
    (kept,) = made._references("damagedText")
    assert kept.GetName().startswith("Damaged: review")
    made.remove()
    left = slicer.util.getNodesByClass("vtkMRMLTextNode")
    assert [node for node in left if node.GetName().startswith("Damaged")] == []
