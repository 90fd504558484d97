"""The panel over a saved scene: opened once a process, used on one scene after another."""

from __future__ import annotations

import logging
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from LNStationLib.support.errors import InputError
from Testing.Faults.kinds.scene_texts import SCENE, SHAPES, texts
from Testing.Faults.verdicts import ROOT

_TOLD = "is damaged"
"""Words of the sentence about a damaged text."""


class LostError(RuntimeError):
    """Something of the scene is gone, or was told twice or not at all."""


def save_scene(folder: Path) -> None:
    """A case under review with PET, packages, two readers, edits and an earlier case, as Slicer saves it."""
    import slicer_host

    slicer = slicer_host.start()
    from LNStationSlicer.case.Readers import switchReader
    from LNStationSlicer.views.OverlayOptions import OverlayOptions
    from LNStationSlicer.views.Overlays import Overlays
    from module.mrml_cases import make_assessment, make_case, make_volume

    case = make_case(pet=make_volume(name="PET"), name="Now")
    case.setPrior(make_case(name="Earlier"), np.eye(4))
    case.setAssessment(_with_networks(make_assessment()))
    _choose_settings(case)
    Overlays(case).apply(OverlayOptions(foreground="pet"))
    for reader in ("B", "A"):
        switchReader(case, reader)
        review = case.review()
        review.setCall("4R", "positive")
        review.setNote("7", 'beside the "azygos" & <vein>')
    review.logEdit("4R", 4.9, 4.2)
    review.markStale(["4L"])
    review.setNCategory(make_assessment()["staging"])
    slicer.mrmlScene.SaveSceneToSlicerDataBundleDirectory(str(folder), None)
    (file,) = folder.rglob("*.mrml")
    file.rename(folder / SCENE)
    assert texts(folder).keys() == SHAPES.keys(), texts(folder).keys()


def _with_networks(assessment: dict[str, Any]) -> dict[str, Any]:
    """The assessment with what networks add to it."""
    code = {"code": "some_code", "facts": {"count": 2, "names": ["4R"]}}
    assessment["staging"]["network"] = {
        "category": "N2", "probabilities": {"N0": 0.2, "N2": 0.8}, "stations": {"4R": 0.7},
        "carrying_stations": ["4R"], "category_of_its_stations": "N2", "contradictions": [code],
        "model_package": "n-stage-pet",
        "model_version": "1", "model_sha256": "0" * 64, "trained_on": "synthetic", "ran_on": "cpu",
    }  # fmt: skip
    candidate = {
        "visible": True, "significant": True, "significance": 0.6, "streams": ["ct"], "tumor_zone": "near",
        "tumor_distance_mm": 12.0, "first_stage_score": 0.4, "tags": {},
    }  # fmt: skip
    for node in assessment["nodes"]:
        node |= {"score": 0.5, "candidate": candidate}
    assessment["dismissed_nodes"] = [{**assessment["nodes"][0], "node_id": 9}]
    assessment["stations"][0]["prediction_set"] = "either"
    steps = ("input", "organs", "stations", "nodes", "metastasis", "staging")
    assessment["provenance"] = [
        {
            "step": step, "implementation": step, "version": "1", "seconds": 1.0,
            "settings": {"edited_by_reader": []}, "model_package": "x", "model_version": "1", "model_sha256": None,
            "trained_on": "synthetic",
            "references": ["a"], "warnings": ["b"],
        }
        for step in steps
    ]  # fmt: skip
    return assessment


def _choose_settings(case: Any) -> None:
    from LNStationSlicer.case.CaseSettings import CaseSettings

    settings = CaseSettings(case.node)
    settings.setMethod("nodes", "pet_threshold")
    settings.setValue("metastasis", ["clinical_criteria"], "short_axis_threshold_mm", 8.0)
    settings.setPackage("metastasis", "station_network", {"path": "/gone/x.zip", "id": "x", "title": "X"})
    settings.setMethod("metastasis", "station_network")
    settings.rememberAssessed(settings.asDict())


class Panel:
    """The module in the host, its worker never started: what it would be told is put together all the same."""

    def __init__(self) -> None:
        import slicer_host

        self._host = slicer_host
        self._slicer = slicer_host.start()
        self._loaded = slicer_host.load_module(ROOT / "LNStation" / "LNStation.py")
        logic = self._loaded.logic
        logic.client.request = lambda *_arguments, **_keywords: None
        logic.queue.add = lambda _job: None
        # The host's boxes, which are heard below.
        logging.getLogger("slicer.util").setLevel(logging.CRITICAL)
        self._loaded.show(560, 1500)
        self._loaded.parent.widgetRepresentation().enter()

    def read(self, folder: Path, out: Path) -> str:
        """Load a scene and work with it.

        Raises:
            InputError: A part was damaged and told; with the sentences.
            LostError: See there.
            Exception: What the panel's own code raised.
        """
        self._host.clear_scene()
        self._heard()
        self._slicer.util.loadScene(str(folder / SCENE))
        told = self._heard()
        self._check(texts(folder), told)
        for step in self._work(out):
            step()
            told += self._heard()
        twice = [one for one in told if told.count(one) > 1]
        if twice:
            raise LostError(f"told twice: {twice[0]}")
        if told:
            raise InputError(" ".join(told))
        return f"{len(self._loaded.logic.rows())} rows"

    def _heard(self) -> list[str]:
        """What boxes said of damage, each sentence for itself, once all that was put off is done."""
        self._slicer.app.processEvents()
        for error in self._host.take_slot_errors():
            raise error
        lines = [line for _level, text in self._host.take_messages() for line in text.split("\n")]
        other = [line for line in lines if _TOLD not in line]
        if other:
            raise LostError(f"said: {other[0]}")
        return lines

    def _check(self, given: dict[str, str], told: list[str]) -> None:
        """Every text that cannot be read any more is somewhere in the scene as it was."""
        checked = sys.modules["LNStationSlicer.case.SceneTexts"]._checked
        case = self._loaded.logic.case
        if case is None:
            raise LostError("no case is under review")
        held = {node.GetText() for node in self._slicer.util.getNodesByClass("vtkMRMLTextNode")}
        held |= {case.node.GetParameter(name) for name in SHAPES}
        damaged = {name for name, text in given.items() if text and checked(text, SHAPES[name])[0]}
        # Slicer itself reads a text to its first zero, and letters that are no UTF-8 as it likes.
        kept = {name for name in damaged if given[name] in held or {"\ufffd", "\0"} & {*given[name]}}
        if kept != damaged:
            raise LostError(f"lost: {', '.join(sorted(damaged - kept))}")

    def _work(self, out: Path) -> Iterator[Callable[[], Any]]:
        """What a reader does in a few minutes."""
        logic = self._loaded.logic
        yield lambda: self._look(logic)
        yield lambda: self._read(logic.reader)
        yield lambda: self._draw(logic)
        yield lambda: self._other_reader(logic)
        yield lambda: _edit(logic)
        yield lambda: self._to_worker(logic, out)

    def _look(self, logic: Any) -> None:
        for name in ("4R", "7"):
            logic.selectStation(name)
        logic.selectNext()
        logic.worklist.rows()
        logic.nodes.select(1)
        logic.nodes.operatingPoints()
        # The views of an earlier study are made by the host at every look: half a second, and warnings of VTK.
        logic.case.priorToCase()

    def _read(self, reader: Any) -> None:
        reader.call("4R", "negative")
        reader.note("7", "seen")
        for step in (reader.undo, reader.acceptModel, reader.callRestNegative, reader.sign):
            step()
        reader.setBlind(True)
        reader.setBlind(False)

    def _draw(self, logic: Any) -> None:
        before = logic.overlays.options()
        changes: tuple[dict[str, Any], ...] = (
            {"foreground": "pet"},
            {"foreground": "map", "stationColor": "probability"},
            {"organsVisible": True},
            # Given back is what lay in the views before.
            {"foreground": "none"},
        )
        for change in changes:
            logic.showOverlays(replace(before, **change))

    def _other_reader(self, logic: Any) -> None:
        readers = sys.modules["LNStationSlicer.case.Readers"]
        for name in [*readers.readersOf(logic.case), "C"]:
            if name.strip():
                readers.switchReader(logic.case, name)
                logic.reader.changed()

    def _to_worker(self, logic: Any, out: Path) -> None:
        """All that the worker would be told of the case."""
        import json

        folder = out / "worker"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        upload = sys.modules["LNStationSlicer.worker.CaseUpload"].CaseUpload(logic.case, folder)
        for steps in (upload.steps(), upload.restoreSteps()):
            for step in steps:
                step()
        settings = logic.caseSettings().forWorker(logic.methods.steps, "cpu")
        told = [upload.load, upload.restore, settings, logic.case.review().asReview()]
        json.dumps(told, ensure_ascii=False, allow_nan=False).encode("utf-8")


def _edit(logic: Any) -> None:
    """A stroke of the eraser."""
    from module.mrml_cases import Editor

    case = logic.case
    Editor(case.stationsNode(), case.ctNode()).erase("4R", (slice(12, 15), slice(8, 20), slice(8, 20)))
    logic.flushEdits()
    logic.reassess()
