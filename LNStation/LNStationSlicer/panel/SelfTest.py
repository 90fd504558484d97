"""Slicer's self test: a sample patient through the panel, from the images to the report and back from a file."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import slicer

from LNStationSlicer.case.Parameters import REPORT_FORMATS
from LNStationSlicer.views import Navigation

SAMPLE = "lung-n2"
STATION = "4R"
ORGAN = "aorta"
READER = "Self test"
_SPACING_MM = 2.5
_PATIENCE_S = 900.0
_LOOK_EVERY_S = 0.05
"""Looking costs the panel's core, which the worker may share, some milliseconds."""


class SelfTest:
    """The steps, in the order of the work.

    Args:
        test: The ``ScriptedLoadableModuleTest`` that runs it; gives assertions and ``delayDisplay``.
        sample: Which sample patient; it must have metastases in 4R.
    """

    def __init__(self, test: Any, sample: str = SAMPLE) -> None:
        self._test = test
        self._sample = sample
        self._panel = slicer.modules.lnstation.widgetRepresentation().self()
        self._ui = self._panel.ui
        self._logic = self._panel.logic

    def run(self) -> None:
        """Everything; leaves an empty scene."""
        with tempfile.TemporaryDirectory(prefix="LNStation-test-") as folder:
            steps = (self._open, self._assess, self._read, self._dismiss, self._correct, self._correctOrgan)
            for step in steps:
                self._test.delayDisplay(step.__doc__ or "")
                step()
            self._report(Path(folder))
            self._reload(Path(folder))
        slicer.mrmlScene.Clear(0)
        self._test.assertIsNone(self._logic.case)
        self._test.assertIsNone(self._logic.queue.active)

    def _open(self) -> None:
        """Make and load a sample patient."""
        self._panel.openSample(self._sample)
        self._wait(lambda: self._logic.case is not None, "the sample patient")
        self._test.assertIsNotNone(self._logic.case.petNode())
        self._test.assertEqual(self._logic.caseParameters().cancer, "lung")

    def _assess(self) -> None:
        """Assess it."""
        self._logic.caseSettings().workingSpacingMm = _SPACING_MM
        self._ui.assessButton.click()
        self._wait(lambda: self._logic.case.assessment() is not None, "the assessment")
        self._idle()
        row = self._row(STATION)
        self._test.assertEqual(row.modelCall, "positive", row.reason)
        self._test.assertGreater(row.nNodes, 0)
        self._test.assertIn(STATION, self._logic.case.assessment()["staging"]["positive_stations"])

    def _read(self) -> None:
        """Read by keys: go to each relevant station, call it, and call the rest negative."""
        relevant = Navigation.relevantStations(self._logic.case)
        self._test.assertIn(STATION, relevant)
        for name in relevant:
            self._press(self._ui.stationTable, "Down")
            self._test.assertEqual(self._logic.selectedStation, name)
            self._checkViews(name)
            self._press(self._ui.stationTable, "P" if self._row(name).modelCall == "positive" else "N")
        self._press(self._ui.stationTable, "Shift+N")
        calls = self._logic.review.calls()
        self._test.assertEqual(list(calls), self._logic.shownStations())
        self._test.assertEqual(calls[STATION], "positive")
        self._press(self._ui.stationTable, "Ctrl+Z")
        self._test.assertEqual(list(self._logic.review.calls()), relevant)
        self._press(self._ui.stationTable, "Shift+N")
        self._wait(lambda: self._logic.review.nCategory() is not None, "the reader's N category")
        self._test.assertIn(STATION, self._logic.review.nCategory()["deciding_stations"])
        self._idle()

    def _checkViews(self, station: str) -> None:
        """All slice views show the station."""
        point = Navigation.stationPoint(self._logic.case, station)
        self._test.assertIsNotNone(point)
        for name in slicer.app.layoutManager().sliceViewNames():
            sliceToRas = slicer.app.layoutManager().sliceWidget(name).mrmlSliceNode().GetSliceToRAS()
            normal = [sliceToRas.GetElement(row, 2) for row in range(3)]
            away = sum(n * (p - sliceToRas.GetElement(row, 3)) for row, (n, p) in enumerate(zip(normal, point or ())))  # noqa: B905
            self._test.assertLess(abs(away), 0.1, name)

    def _correct(self) -> None:
        """Erase the lower half of a station; it alone is assessed again."""
        before = self._row(STATION).volumeMl
        others = {row.name: row.volumeMl for row in self._logic.rows() if row.name != STATION}
        eraseLowerHalf(self._logic.case, STATION)
        self._wait(lambda: self._logic.review.editedStations() == [STATION], "the edit to be noticed")
        self._wait(lambda: not self._logic.review.stale(), "the assessment of the edited station")
        self._idle()
        self._test.assertLess(self._row(STATION).volumeMl, 0.8 * before)
        self._test.assertEqual({row.name: row.volumeMl for row in self._logic.rows() if row.name != STATION}, others)
        self._test.assertEqual(len(self._logic.review.edits()), 2)

    def _correctOrgan(self) -> None:
        """Show the organs and erase half of one; the stations follow, and the one that was drawn stays as drawn."""
        case, drawn = self._logic.case, self._row(STATION).volumeMl
        self._ui.showOrgansCheck.click()
        self._test.assertTrue(case.organsNode().GetDisplayNode().GetVisibility())
        before = {row.name: row.volumeMl for row in self._logic.rows()}
        eraseLowerHalf(case, ORGAN, case.organsNode())
        self._wait(lambda: case.editedOrgans() == [ORGAN], "the assessment with the edited organ")
        self._idle()
        self._test.assertEqual(self._logic.review.organs.stale(), [])
        self._test.assertAlmostEqual(self._row(STATION).volumeMl, drawn)
        self._test.assertNotEqual({row.name: row.volumeMl for row in self._logic.rows()}, before)
        self._ui.showOrgansCheck.click()

    def _dismiss(self) -> None:
        """Dismiss the largest node of a station by keys; its station alone is called again."""
        self._logic.selectStation(STATION)
        self._idle()
        before = self._row(STATION).nNodes
        self._press(self._ui.stationTable, "Right")
        number = self._logic.nodes.selected
        self._test.assertIsNotNone(number)
        self._press(self._ui.nodeTable, "Delete")
        self._wait(lambda: self._row(STATION).nNodes == before - 1, "the assessment without the node")
        self._idle()
        self._test.assertEqual([row.number for row in self._logic.nodes.rows() if row.isDismissed], [number])
        self._test.assertEqual(self._logic.review.edits()[-1]["nodes"], [number])
        self._press(self._ui.nodeTable, "Left")

    def _report(self, folder: Path) -> None:
        """Sign and write the report by one key."""
        parameters = self._logic.getParameterNode()
        for name in REPORT_FORMATS:
            setattr(parameters, f"format{name.capitalize()}", name == "json")
        self._ui.reportFolderEdit.currentPath = str(folder)
        self._logic.review.reader = READER
        self._wait(lambda: self._logic.review.nCategory() is not None, "the reader's N category")
        self._idle()
        self._press(self._ui.stationTable, "Ctrl+Return")
        found = self._wait(lambda: list(folder.glob("*/review.json")), "the report")
        review = json.loads(found[0].read_text(encoding="utf-8"))
        self._test.assertEqual(review["calls"][STATION]["call"], "positive")
        self._test.assertEqual((review["reader"], review["signed"]), (READER, self._logic.review.signed()))
        done = [edit["action"] or edit["organ"] or edit["station"] for edit in review["edits"]]
        self._test.assertEqual(done, ["dismiss", STATION, ORGAN])
        self._idle()

    def _reload(self, folder: Path) -> None:
        """Save, close and load the scene; the review is as it was."""
        calls, volumes = self._logic.review.calls(), [row.volumeMl for row in self._logic.rows()]
        path = str(folder / "scene.mrb")
        self._test.assertTrue(slicer.util.saveScene(path))
        slicer.mrmlScene.Clear(0)
        self._test.assertIsNone(self._logic.case)
        slicer.util.loadScene(path)
        self._wait(lambda: self._logic.case is not None, "the case in the loaded scene")
        self._test.assertEqual(self._logic.review.calls(), calls)
        self._test.assertEqual([row.volumeMl for row in self._logic.rows()], volumes)
        self._test.assertEqual(self._logic.review.stale(), [])
        self._test.assertTrue(self._logic.review.signed())
        self._test.assertEqual(len(self._logic.case.assessment()["dismissed_nodes"]), 1)

    def _press(self, focus: Any, keys: str) -> None:
        """Press a key with the focus on a widget."""
        focus.setFocus()
        press(self._panel, keys, focus)
        slicer.app.processEvents()

    def _row(self, name: str) -> Any:
        return next(row for row in self._logic.rows() if row.name == name)

    def _idle(self) -> None:
        """Until the worker has nothing left to do and the panel shows it."""
        self._wait(lambda: self._logic.queue.active is None, "the worker")
        slicer.app.processEvents()

    def _wait(self, condition: Callable[[], Any], what: str) -> Any:
        end = time.monotonic() + _PATIENCE_S
        while True:
            slicer.app.processEvents()
            held = condition()
            if held:
                return held
            message = self._ui.statusLabel.text
            self._test.assertLess(time.monotonic(), end, f"{what} did not come: {message}")
            time.sleep(_LOOK_EVERY_S)


def press(panel: Any, keys: str, focus: Any) -> None:
    """Do what a key does; one that the panel does not listen for is an error."""
    if not any(section.press(keys, focus) for section in panel.sections):
        raise ValueError(f"the panel does not listen for {keys}")


def eraseLowerHalf(case: Any, name: str, segmentationNode: Any = None) -> None:
    """Empty the lower half of a structure's slices, as the eraser of the segment editor would.

    Args:
        case: The case.
        name: Of the station, or of the segment.
        segmentationNode: The stations where None.
    """
    node, ct = segmentationNode or case.stationsNode(), case.ctNode()
    mask = slicer.util.arrayFromSegmentBinaryLabelmap(node, name, ct).copy()
    slices = np.nonzero(mask.any(axis=(1, 2)))[0]
    mask[: slices[len(slices) // 2]] = 0
    slicer.util.updateSegmentBinaryLabelmapFromArray(mask, node, name, ct)
