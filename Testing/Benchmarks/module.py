"""What the Slicer module costs on a case of clinical size: opening, clicking, assessing, correcting.

    python Testing/Benchmarks/module.py --repeats 3 --write

Runs in the headless host (real MRML core and renderers, in software) with the real worker, on the synthetic demo
patient on a grid of 512 x 512 x 91 voxels. Prints a Markdown table; with ``--write`` it goes into the marked section
of docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import gc
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / name) for name in (".", "Testing", "Testing/Python", "Testing/Benchmarks", "LNStation")]
os.environ.setdefault("LNSTATION_WORKER_PYTHON", sys.executable)

import numpy as np  # noqa: E402  (the source tree is put on the path above)
import slicer_host  # noqa: E402

slicer = slicer_host.start()

import ctk  # noqa: E402
from assess import IN_PLANE, load  # noqa: E402
from benchmark_page import write_section  # noqa: E402
from LNStationSlicer.case import CaseExport, Looks  # noqa: E402
from LNStationSlicer.exchange import VolumeExchange  # noqa: E402
from LNStationSlicer.panel.SelfTest import eraseLowerHalf  # noqa: E402
from LNStationSlicer.support.Steps import Steps  # noqa: E402
from LNStationSlicer.worker.Jobs import AssessJob  # noqa: E402
from module.dicom_database import Database, Indexer  # noqa: E402
from module.panel_driver import PanelDriver  # noqa: E402
from module.patients import Patient, add_patient  # noqa: E402
from module.workers import real_worker  # noqa: E402
from slicer_host import driver  # noqa: E402
from watchdog import Watchdog  # noqa: E402

from LNStationLib.case.case import Case  # noqa: E402
from LNStationLib.export.dicom.derived_ct import derived_series  # noqa: E402
from LNStationLib.state.assessment import CaseSummary  # noqa: E402
from LNStationLib.worker.volume_files import write_volume  # noqa: E402

SLICES = 91
PATIENCE_S = 600.0
VIEW = (500, 400)
STATION = "4R"
CLICKED = ("4R", "7", "10R", "4L")


@dataclass
class Times:
    """Seconds by name: by the clock, and of them computed by the process that is measured."""

    wall: dict[str, list[float]] = field(default_factory=dict)
    cpu: dict[str, list[float]] = field(default_factory=dict)
    wanted: dict[str, float] = field(default_factory=dict)

    def note(self, name: str, wall: float, cpu: float, wanted: float | None = None) -> None:
        """Keep one measurement."""
        self.wall.setdefault(name, []).append(wall)
        self.cpu.setdefault(name, []).append(cpu)
        if wanted is not None:
            self.wanted[name] = wanted

    @contextmanager
    def of(self, name: str, wanted: float | None = None) -> Iterator[None]:
        """Measure what happens in this thread meanwhile, with the threads of the renderer."""
        wall, cpu = time.perf_counter(), time.process_time()
        yield
        self.note(name, time.perf_counter() - wall, time.process_time() - cpu, wanted)

    @contextmanager
    def watched(self, name: str) -> Iterator[None]:
        """Measure the longest pause of the event loop meanwhile."""
        with Watchdog() as dog:
            yield
        self.note(f"longest pause of the GUI thread: {name}", dog.longest.wall_s, dog.busiest.cpu_s, 0.1)

    def table(self) -> str:
        """Best, median and worst as Markdown."""
        lines = ["| seconds | best | median | worst | CPU, median | wanted | times |", "| --- |" + " --- |" * 6]
        for name, walls in self.wall.items():
            numbers = [min(walls), statistics.median(walls), max(walls), statistics.median(self.cpu[name])]
            cells = " | ".join(f"{number:.2f}" for number in numbers)
            lines.append(f"| {name} | {cells} | {self.wanted.get(name, '')} | {len(walls)} |")
        return "\n".join(lines)


def render_slices() -> None:
    """Render the slice views of the layout, as a screen would show them."""
    manager = slicer.app.layoutManager()
    widgets = [manager.sliceWidget(name) for name in manager.sliceViewNames()]
    for widget in widgets:
        if widget.mrmlSliceNode().IsMappedInLayout():
            widget.sliceView().resize(*VIEW)
            widget.sliceView().forceRender()


def render_3d() -> None:
    """Render the 3D view, which Slicer does once the slice views are on the screen."""
    view = slicer.app.layoutManager().threeDWidget(0).threeDView()
    view.resize(*VIEW)
    view.forceRender()


def worker_cpu(pid: int) -> float:
    """Seconds that a process has computed so far (Linux)."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def wait(condition: Callable[[], Any], what: str) -> None:
    """Until something is so."""
    driver.wait_for(condition, PATIENCE_S, what)


@contextmanager
def opened(times: Times) -> Iterator[PanelDriver]:
    """The module, opened for the first time over a scene that holds a loaded patient."""
    with times.of("the module's files are imported (when Slicer starts)"):
        loading = slicer_host.load_module(ROOT / "LNStation" / "LNStation.py")
    with loading as loaded:
        with times.of("the panel opens", 1.0):
            loaded.show(560, 1000)
            loaded.parent.widgetRepresentation().enter()
            slicer.app.processEvents()
            loaded.window.grab()
        loaded.logic.dependencies.workerCommand = real_worker
        yield PanelDriver(loaded, None)


def start_worker(panel: PanelDriver, times: Times) -> None:
    """From the first request to its answer."""
    answers: list[Any] = []
    start = time.perf_counter()
    panel.logic.client.request("hello", {}, answers.append, answers.append)
    wait(lambda: answers, "the worker's greeting")
    wall = time.perf_counter() - start
    times.note("cold start of the worker (without torch)", wall, worker_cpu(panel.logic.client.pid), 5.0)


def choose(panel: PanelDriver, patient: Patient, times: Times) -> None:
    """Choose CT and PET in the panel."""
    with times.of("a CT is chosen: case made, organs matched"):
        panel.ui.ctSelector.setCurrentNode(patient.ct)
        slicer.app.processEvents()
    panel.ui.petSelector.setCurrentNode(patient.pet)
    for combo, key in (("petUnitCombo", "SUVbw"), ("cancerCombo", "lung"), ("tumorSideCombo", "R")):
        box = getattr(panel.ui, combo)
        box.currentIndex = box.findData(key)
    slicer.app.processEvents()


def assess(panel: PanelDriver, times: Times) -> None:
    """Press the button and wait for the review."""
    pid, start = panel.logic.client.pid, time.perf_counter()
    before = worker_cpu(pid)
    with times.watched("a whole assessment, images handed over and result taken in"):
        driver.click(panel.ui.assessButton)
        wait(lambda: panel.logic.case.assessment() is not None and not panel.logic.queue.jobs(), "the assessment")
        slicer.app.processEvents()
    times.note("assessment, from click to table", time.perf_counter() - start, worker_cpu(pid) - before)


def click_rows(panel: PanelDriver, times: Times, how: str) -> None:
    """Click rows; the views are rendered at once, the 3D view last."""
    render_slices()
    render_3d()
    for name in CLICKED:
        with times.of(f"row click to rendered slice views, {how}", 0.2):
            panel.click_row(name)
            render_slices()
        if panel.logic.overlays.options().show3D:
            with times.of(f"after that, the 3D view, {how}"):
                render_3d()
    with times.of(f"of that, rendering of what has not changed, {how}"):
        render_slices()


def show(panel: PanelDriver, times: Times, clicks: Times) -> None:
    """The ways to draw."""
    ui = panel.ui
    panel.open_section("displaySection")
    click_rows(panel, clicks, "outlines")
    ui.representationCombo.currentIndex = ui.representationCombo.findData("both")
    click_rows(panel, clicks, "outlines and fills")
    ui.petRadio.checked = True
    click_rows(panel, clicks, "outlines, PET over the CT")
    driver.click(ui.petLayoutButton)
    click_rows(panel, clicks, "CT, PET, fusion and projection side by side")
    driver.click(ui.petLayoutButton)
    ui.plainRadio.checked = True
    with times.watched("surfaces shown in 3D for the first time"):
        ui.show3DCheck.checked = True
        wait(lambda: not panel.logic.drawing.isMakingSurfaces, "the surfaces")
        slicer.app.processEvents()
    slicer.app.layoutManager().resetThreeDViews()
    click_rows(panel, clicks, "with surfaces in 3D")
    ui.show3DCheck.checked = False


def correct(panel: PanelDriver, times: Times, edits: int) -> None:
    """Edit a station, again and again; it is assessed anew by itself."""
    panel.logic.reader.call(STATION, "positive")
    panel.idle()
    for _ in range(edits):
        pid, logged = panel.logic.client.pid, len(panel.logic.review.edits())
        eraseLowerHalf(panel.logic.case, STATION)
        with times.watched("a correction and its assessment"):
            wait(lambda logged=logged: len(panel.logic.review.edits()) > logged, "the edit to be noticed")
            start, before = time.perf_counter(), worker_cpu(pid)
            wait(lambda: not panel.logic.review.stale() and not panel.logic.queue.jobs(), "the assessment")
            slicer.app.processEvents()
            wall = time.perf_counter() - start
        times.note("warm assessment of one edited station", wall, worker_cpu(pid) - before, 1.0)


def attention(panel: PanelDriver, times: Times, clicks: Times) -> None:
    """A result with an attention map, as the networks give it, is taken into the scene and shown."""
    logic, folder = panel.logic, panel.logic.client.folder
    case = logic.case
    array = slicer.util.arrayFromVolume(case.ctNode())
    heat = np.where(array > 0, np.random.default_rng(0).random(array.shape, dtype=np.float32), 0).astype(np.float32)
    result = {
        "assessment": case.assessment(),
        "stations": CaseExport.exportStationMap(case, folder, "stations"),
        "nodes": CaseExport.exportNodeMap(case, folder, "nodes"),
        "attention": write_volume(folder, "attention", heat, VolumeExchange.volumeGeometry(case.ctNode())),
    }
    done: list[Exception | None] = []
    steps = Steps(AssessJob(case, (), {}).receive(result, logic.client), lambda: done.append(None), done.append)
    with times.watched("a result with an attention map is taken in"):
        steps.start()
        wait(lambda: done, "the result")
    if done[0] is not None:
        raise done[0]
    panel.widget.refresh()
    with times.watched("the attention map is switched on"):
        panel.ui.mapRadio.checked = True
        slicer.app.processEvents()
    click_rows(panel, clicks, "attention map over the CT")


def dicom_series(ct: Any, folder: Path) -> dict[str, Path]:
    """Write a CT as a DICOM series; its files by instance."""
    summary = CaseSummary(case_id="benchmark", ct_size=ct.GetSize(), ct_spacing_mm=ct.GetSpacing(), nodes_from="none")
    files = {}
    for number, image in enumerate(derived_series(ct, summary, "2026-01-01T00:00:00")[1]):
        files[str(image.SOPInstanceUID)] = folder / f"{number:04d}.dcm"
        image.save_as(files[str(image.SOPInstanceUID)], enforce_file_format=True)
    return files


def export(panel: PanelDriver, case: Case, times: Times) -> None:
    """DICOM objects of the case. The database and its indexer are played: Slicer's works in a thread of its own."""
    with tempfile.TemporaryDirectory() as place:
        files = dicom_series(case.ct, Path(place))
        slicer.dicomDatabase, ctk.ctkDICOMIndexer = Database(files), Indexer
        Indexer.made.clear()
        panel.logic.case.ctNode().SetAttribute("DICOM.instanceUIDs", " ".join(files))
        panel.open_section("reportSection")
        panel.ui.reportFolderEdit.currentPath = place
        panel.widget.refresh()
        pid, start = panel.logic.client.pid, time.perf_counter()
        before = worker_cpu(pid)
        with times.watched("DICOM objects are made and handed to the database"):
            driver.click(panel.ui.dicomButton)
            wait(lambda: Indexer.made and Indexer.made[0].added, "the objects")
            slicer.app.processEvents()
        wall = time.perf_counter() - start
        times.note("SEG of stations and nodes, SR, RTSTRUCT, click to files", wall, worker_cpu(pid) - before, 5.0)
        del slicer.dicomDatabase, ctk.ctkDICOMIndexer


def reopen(panel: PanelDriver, times: Times) -> None:
    """Save the scene, close it, load it: the case comes under review again and is looked at for the first time."""
    driver.click(panel.ui.show3DCheck)
    with tempfile.TemporaryDirectory() as place:
        scene = str(Path(place) / "case.mrb")
        slicer.util.saveScene(scene)
        slicer_host.clear_scene()
        Looks._seen.clear()  # in a new process nothing was seen
        slicer.util.loadScene(scene)
        with times.watched("the case of a scene that was loaded comes under review, first look"):
            wait(lambda: panel.logic.case is not None and not panel.logic.drawing.isMakingSurfaces, "the case")
            slicer.app.processEvents()


def measure(times: Times, clicks: Times, case: Case, edits: int | None) -> None:
    """One Slicer session; it ends with the row clicks where there are no edits."""
    slicer_host.clear_scene()
    patient = add_patient(case, "phantom")
    # What made the patient is not in Slicer's Python: its garbage collector need not look through it.
    gc.collect()
    gc.freeze()
    with opened(times) as panel:
        start_worker(panel, times)
        choose(panel, patient, times)
        assess(panel, times)
        show(panel, times, clicks)
        if edits is not None:
            correct(panel, times, edits)
            export(panel, case, times)
        attention(panel, times, clicks)
        if edits is not None:
            reopen(panel, times)
        problems = slicer_host.take_slot_errors()
        if problems:
            raise RuntimeError(f"something failed unseen: {problems}")
        slicer_host.clear_scene()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--repeats", type=int, default=3, help="how often the module is opened")
    parser.add_argument("--edits", type=int, default=3, help="corrections each time")
    parser.add_argument("--clicks", action="store_true", help="measure the row clicks alone")
    parser.add_argument("--slices", type=int, default=SLICES)
    parser.add_argument("--write", action="store_true", help="write the tables into docs/benchmarks.md")
    options = parser.parse_args()
    case, times, clicks = load("phantom", options.slices), Times(), Times()
    for _ in range(options.repeats):
        measure(times, clicks, case, None if options.clicks else options.edits)
    organs = len(case.organ_masks)
    size = f"{IN_PLANE} x {IN_PLANE} x {options.slices} voxels, {organs} organ masks."
    for name, table in {"row clicks": clicks, **({} if options.clicks else {"module": times})}.items():
        text = f"{size}\n\n{table.table()}"
        print(text)
        if options.write:
            write_section(name, text)


if __name__ == "__main__":
    main()
