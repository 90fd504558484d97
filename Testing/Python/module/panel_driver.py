"""A person at the panel, with the fake worker behind it. Import it only after ``slicer_host.start()``."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import slicer
import slicer_host
from LNStationSlicer.case.NodeRows import COLUMNS as NODE_COLUMNS
from LNStationSlicer.case.StationRows import COLUMNS
from module.mrml_cases import Editor, make_assessment, make_volume, node_array, organ_layers, station_array
from module.workers import FakeWorker
from slicer_host import driver

MODULE = Path(__file__).resolve().parents[3] / "LNStation" / "LNStation.py"
IN_4R = (slice(12, 15), slice(8, 20), slice(8, 20))
IN_AORTA = (slice(2, 6), slice(24, 30), slice(20, 28))
ALL_4R = (slice(12, 18), slice(8, 20), slice(8, 20))


class PanelDriver:
    """What a person does, and sees.

    Attributes:
        loaded: The module in the host.
        worker: The fake worker.
    """

    def __init__(self, loaded: Any, worker: FakeWorker) -> None:
        self.loaded = loaded
        self.worker = worker

    @property
    def widget(self) -> Any:
        return self.loaded.widget

    @property
    def ui(self) -> Any:
        return self.loaded.widget.ui

    @property
    def logic(self) -> Any:
        return self.loaded.widget.logic

    @property
    def table(self) -> Any:
        return self.loaded.widget.stations.table

    @property
    def picker(self) -> Any:
        """The widgets that choose how stations are called."""
        return self.widget.assessing.models.pickers["metastasis"].widgets

    def field(self, step: str, option: str) -> Any:
        """The control of an option."""
        return self.widget.assessing.methods.field(step, option).widget

    def add_ct(self, name: str = "CT") -> Any:
        """A CT appears in the scene, as if loaded."""
        return make_volume(name=name)

    def choose_ct(self, name: str = "CT") -> Any:
        """Load a CT and choose it in the panel."""
        ct = self.add_ct(name)
        self.ui.ctSelector.setCurrentNode(ct)
        slicer.app.processEvents()
        return ct

    def assess(self) -> None:
        """Press the button and wait."""
        driver.click(self.ui.assessButton)
        self.wait(lambda: self.logic.case.assessment() is not None, "the assessment")
        self.idle()

    def assessed(self, name: str = "CT") -> Any:
        """A CT, chosen and assessed."""
        ct = self.choose_ct(name)
        self.assess()
        return ct

    def think(self, milliseconds: int = 2000) -> None:
        """Give calls that follow each other so much time before they are staged: a busy machine is a slow reader."""
        delay = sys.modules["LNStationSlicer.support.Turns"].Delay
        self.logic._stageTimer.stop()
        self.logic._stageTimer = delay(milliseconds, self.logic._stageNow)

    def idle(self) -> None:
        """Wait until the worker has nothing to do and the panel shows it."""
        self.wait(lambda: not self.logic.queue.jobs(), "the worker")
        slicer.app.processEvents()

    def wait(self, condition: Any, what: str, timeout: float = 15.0) -> Any:
        try:
            return driver.wait_for(condition, timeout, what)
        except TimeoutError as error:
            raise TimeoutError(f"{error}\n{self.standing()}") from None

    def standing(self) -> str:
        """How far everything is, for whoever waits in vain."""
        client, jobs = self.logic.client, [type(job).__name__ for job in self.logic.queue.jobs()]
        return (
            f"the worker was asked {self.worker.methods()} and owes {client.nPending} answers; jobs: {jobs}; "
            f"step: {self.ui.stepLabel.text!r}; message: {self.ui.statusLabel.text!r}"
        )

    def erase(self, station: str = "4R", box: Any = IN_4R) -> None:
        """A stroke of the eraser."""
        case = self.logic.case
        Editor(case.stationsNode(), case.ctNode()).erase(station, box)

    def erase_organ(self, name: str = "aorta", box: Any = IN_AORTA) -> Any:
        """A stroke of the eraser in an organ; the editor, which can undo it."""
        case = self.logic.case
        editor = Editor(case.organsNode(), case.ctNode(), overwrite=False)
        editor.erase(name, box)
        return editor

    def click_row(self, station: str, column: str = "station") -> None:
        """Click a cell of a station's row."""
        table = self.ui.stationTable
        item = table.item(self.table.names.index(station), COLUMNS.index(column))
        table.scrollToItem(item)
        center = table.visualItemRect(item).center()
        driver.click(table.viewport(), (center.x(), center.y()))

    def cell(self, station: str, column: str) -> str:
        """Text of a cell."""
        return self.ui.stationTable.item(self.table.names.index(station), COLUMNS.index(column)).text()

    def state(self, station: str) -> str:
        """What the mark in the last column says."""
        return {"": "fresh", "\N{PENCIL}": "stale", "\N{HORIZONTAL ELLIPSIS}": "running"}[self.cell(station, "state")]

    def called(self, station: str) -> str | None:
        """The reader's call as the buttons of a station show it."""
        down = [call for call, button in self.table.callButtons(station).buttons.items() if button.checked]
        return down[0] if down else None

    def call(self, station: str, call: str | None) -> None:
        """Click the reader's call; None clicks the button that is down."""
        chosen = call or self.called(station)
        if chosen is not None and self.called(station) != call:
            driver.click(self.table.callButtons(station).buttons[chosen])

    @property
    def nodes(self) -> Any:
        """The node table."""
        return next(section.table for section in self.widget.sections if type(section).__name__ == "NodesSection")

    def click_node(self, number: int, modifier: int | None = None) -> None:
        """Click a row of the node table."""
        table = self.ui.nodeTable
        item = table.item(self.nodes.numbers.index(number), 0)
        center = table.visualItemRect(item).center()
        driver.click(table.viewport(), (center.x(), center.y()), modifier)

    def node_cell(self, number: int, column: str) -> str:
        """Text of a cell of the node table."""
        return self.ui.nodeTable.item(self.nodes.numbers.index(number), NODE_COLUMNS.index(column)).text()

    def open_section(self, name: str) -> None:
        """Unfold a section."""
        getattr(self.ui, name).collapsed = False
        slicer.app.processEvents()


def use_worker(loaded: Any, command: Any) -> None:
    """Let a loaded module start this worker."""
    loaded.logic.dependencies.workerCommand = command


@contextmanager
def opened_panel(folder: Path, **canned: Any) -> Iterator[PanelDriver]:
    """The panel over an empty scene; afterwards everything must be gone and nothing may have failed unseen."""
    slicer_host.clear_scene()
    slicer_host.take_messages(), slicer_host.take_slot_errors()
    worker = FakeWorker(
        folder / "answers",
        canned.get("assessment") or make_assessment(),
        canned.get("stations", station_array()),
        canned.get("nodes", node_array()),
        canned.get("organs", organ_layers()),
    )
    with slicer_host.load_module(MODULE) as loaded:
        use_worker(loaded, worker.command)
        loaded.show(560, 1500)
        loaded.parent.widgetRepresentation().enter()
        yield PanelDriver(loaded, worker)
        slicer_host.clear_scene()
    driver.wait_for(lambda: driver.child_processes() == [], what="The end of all processes")
    assert slicer_host.take_slot_errors() == []
