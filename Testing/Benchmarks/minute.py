"""How many clicks and keys, and how much of the program's time, from *Assess* to a report on a phantom.

    python Testing/Benchmarks/minute.py [--root CHECKOUT] [--name "after"]

Drives the panel of this or of another checkout (``--root``), also the former one of combo boxes, through the same
work: assess, look at every relevant station, call all stations, write a report in the reader's name (signed where the
panel can sign). Prints a row of a Markdown table for each way. Seconds are the program's own, from the arrival of the
table to the request for the report; a reader's thinking is not in them.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
_parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
_parser.add_argument("--root", type=Path, default=ROOT)
_parser.add_argument("--name", default="now")
ARGUMENTS = _parser.parse_args()
_checkout = ARGUMENTS.root.resolve()
sys.path[:0] = [str(_checkout / name) for name in (".", "Testing", "Testing/Python", "LNStation")]
os.environ.setdefault("LNSTATION_WORKER_PYTHON", sys.executable)

import slicer_host  # noqa: E402  (the source tree is put on the path above)

slicer = slicer_host.start()

import qt  # noqa: E402
from module import patients  # noqa: E402
from module.panel_driver import PanelDriver  # noqa: E402
from module.workers import real_worker  # noqa: E402
from slicer_host import driver  # noqa: E402

PATIENCE_S = 600.0
WORKING_MM = 2.5
RELEVANT = "positive"


class Hand:
    """Counts what a person does with mouse and keys.

    Attributes:
        clicks: With the mouse.
        keys: Pressed, names typed not among them.
    """

    def __init__(self, panel: PanelDriver) -> None:
        self.panel = panel
        self.clicks = self.keys = 0

    def click(self, widget: Any) -> None:
        """Click a button or a field."""
        self.clicks += 1
        driver.click(widget)

    def unfold(self, section: Any) -> None:
        """Open a section by its header, unless it is open."""
        if section.collapsed:
            self.clicks += 1
            section.click()
            slicer.app.processEvents()

    def press(self, key: int, modifier: int | None = None) -> None:
        """Press a key with the station table in focus."""
        self.keys += 1
        driver.press(self.panel.ui.stationTable, key, modifier)

    def choose(self, combo: Any, index: int) -> None:
        """Choose from a combo box: one click opens it, one chooses."""
        self.clicks += 2
        combo.currentIndex = index
        slicer.app.processEvents()

    def type_name(self, name: str) -> None:
        """Click into the reader's field and type."""
        self.click(self.panel.ui.readerEdit)
        driver.type_text(self.panel.ui.readerEdit, name)


def relevant(panel: PanelDriver) -> list[Any]:
    """The rows that are worth a look."""
    return [row for row in panel.logic.rows() if row.isRelevant]


def with_combos(hand: Hand) -> None:
    """The former panel: a combo box for each station."""
    panel = hand.panel
    for _ in relevant(panel):
        hand.click(panel.ui.nextButton)
    for row in panel.logic.rows():
        if row.isShown:
            hand.choose(panel.combo(row.name), 1 if row.modelCall == RELEVANT else 2)
    hand.unfold(panel.ui.reportSection)
    hand.type_name("AB")
    staged(panel)
    hand.click(panel.ui.writeReportButton)


def with_buttons(hand: Hand) -> None:
    """One click a call."""
    panel = hand.panel
    for row in relevant(panel):
        hand.click(panel.ui.nextButton)
        hand.click(panel.table.callButtons(row.name).buttons["positive" if row.modelCall == RELEVANT else "negative"])
    hand.click(panel.ui.restNegativeButton)
    hand.unfold(panel.ui.reportSection)
    hand.type_name("AB")
    staged(panel)
    hand.click(panel.ui.signAndWriteButton)


def with_keys(hand: Hand) -> None:
    """The second case of a session: the reader's name is known."""
    panel = hand.panel
    panel.logic.review.reader = "AB"
    slicer.app.processEvents()
    for row in relevant(panel):
        hand.press(qt.Qt.Key_Down)
        hand.press(qt.Qt.Key_P if row.modelCall == RELEVANT else qt.Qt.Key_N)
    hand.press(qt.Qt.Key_N, qt.Qt.ShiftModifier)
    staged(panel)
    hand.press(qt.Qt.Key_Return, qt.Qt.ControlModifier)


def staged(panel: PanelDriver) -> None:
    """The reader's N category is there."""
    driver.wait_for(lambda: panel.logic.review.nCategory() and not panel.logic.queue.jobs(), PATIENCE_S, "N category")
    slicer.app.processEvents()


def measure(way: Callable[[Hand], None], folder: Path) -> tuple[Hand, float]:
    """One case from the button to the report."""
    slicer_host.clear_scene()
    with slicer_host.load_module(_checkout / "LNStation" / "LNStation.py") as loaded:
        loaded.logic.dependencies.workerCommand = real_worker
        loaded.show(480, 3000)
        loaded.parent.widgetRepresentation().enter()
        panel = PanelDriver(loaded, None)
        hand = Hand(panel)
        choose(panel)
        panel.ui.reportFolderEdit.currentPath = str(folder)
        hand.click(panel.ui.assessButton)
        driver.wait_for(lambda: panel.logic.case.assessment(), PATIENCE_S, "the assessment")
        driver.wait_for(lambda: not panel.logic.queue.jobs(), PATIENCE_S, "the worker")
        slicer.app.processEvents()
        start = time.perf_counter()
        way(hand)
        seconds = time.perf_counter() - start
        driver.wait_for(lambda: list(folder.glob("*/assessment.json")), PATIENCE_S, "the report")
        driver.wait_for(lambda: not panel.logic.queue.jobs(), PATIENCE_S, "the worker")
        slicer_host.clear_scene()
    return hand, seconds


def choose(panel: PanelDriver) -> None:
    """A synthetic patient with PET."""
    patient = patients.add_patient(patients.phantom(), "phantom")
    panel.ui.ctSelector.setCurrentNode(patient.ct)
    panel.ui.petSelector.setCurrentNode(patient.pet)
    for combo, key in (("petUnitCombo", "SUVbw"), ("cancerCombo", "lung"), ("tumorSideCombo", "R")):
        box = getattr(panel.ui, combo)
        box.currentIndex = box.findData(key)
    panel.ui.spacingSpin.value = WORKING_MM
    for name in ("pdf", "html", "csv"):
        getattr(panel.ui, f"{name}Check").checked = False
    slicer.app.processEvents()


def main() -> None:
    """Measure every way that the panel of the checkout has."""
    import LNStationSlicer.panel.StationTable as station_table

    has_buttons = hasattr(station_table.StationTable, "callButtons")
    ways = {"mouse": with_buttons, "keys": with_keys} if has_buttons else {"mouse": with_combos}
    print("| panel | by | clicks | keys | program's own seconds |\n| --- | --- | --- | --- | --- |")
    for name, way in ways.items():
        with tempfile.TemporaryDirectory(prefix="minute-") as folder:
            hand, seconds = measure(way, Path(folder))
        print(f"| {ARGUMENTS.name} | {name} | {hand.clicks} | {hand.keys} | {seconds:.1f} |")


if __name__ == "__main__":
    main()
