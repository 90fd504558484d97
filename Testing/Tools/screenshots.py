"""Take the pictures of the README and the user guide: the panel at every stage, and the views.

    python Testing/Tools/screenshots.py [--out FOLDER] [--real ../shared/data/chest_ct_01] [--models FOLDER]

Runs in the headless host with the real worker; takes a few minutes. Pictures of the real CT are left out where it is
not there, those of a learned model where no model package is (the shipped ones, or those in FOLDER).
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "Testing"), str(ROOT / "Testing" / "Python"), str(ROOT / "LNStation")]
# The packages are there: nothing is to be installed.
os.environ.setdefault("LNSTATION_WORKER_PYTHON", sys.executable)

import numpy as np  # noqa: E402
import SimpleITK as sitk  # noqa: E402
import slicer_host  # noqa: E402
from PIL import Image  # noqa: E402

slicer = slicer_host.start()

from LNStationSlicer.panel.SelfTest import eraseLowerHalf  # noqa: E402
from LNStationSlicer.views import PetViews, PriorViews  # noqa: E402
from module import patients  # noqa: E402
from module.workers import real_worker  # noqa: E402
from slicer_host import driver, screenshots  # noqa: E402

from LNStationLib.phantom import demo_case, sample_case  # noqa: E402

log = logging.getLogger("screenshots")
PATIENCE_S = 600.0
PANEL_WIDTH = 480
"""Pixels of the usual dock."""
CLOSE_MM = 190.0
PET_LAYOUT_MM = 330.0
SPACING_MM = (1.1, 1.1, 2.5)
WINDOW = (1560, 930)
VIEWS = (1000, 820)
MARGIN = 14


class Photographer:
    """Drives the panel and takes pictures."""

    def __init__(self, loaded: Any, out: Path) -> None:
        self.loaded = loaded
        self.out = out
        self.ui = loaded.widget.ui
        self.logic = loaded.logic

    def panel(self, name: str) -> None:
        """The whole panel."""
        slicer.app.processEvents()
        self.keep(name, screenshots.panel(self.loaded, self.out / f"{name}.png", width=PANEL_WIDTH), trim=True)

    def section(self, name: str, *sections: str) -> None:
        """Some sections of the panel only."""
        every = [key for key in vars(self.ui) if key.endswith("Section")]
        before = {key: getattr(self.ui, key).visible for key in every}
        for key in every:
            getattr(self.ui, key).visible = key in sections
        self.panel(name)
        for key, visible in before.items():
            getattr(self.ui, key).visible = visible

    def closer(self, width_mm: float) -> None:
        """Let the slice views show so much and no more."""
        for view in slicer.app.layoutManager().sliceViewNames():
            node = slicer.app.layoutManager().sliceWidget(view).mrmlSliceNode()
            wide, high, deep = node.GetFieldOfView()
            node.SetFieldOfView(width_mm, width_mm * high / wide, deep)

    def views(self, name: str) -> None:
        """The four views."""
        self.keep(name, screenshots.four_up(self.out / f"{name}.png", VIEWS))

    def window(self, name: str) -> None:
        """Panel, from the stations on, and views."""
        for section in ("caseSection", "assessSection"):
            getattr(self.ui, section).collapsed = True
        slicer.app.processEvents()
        self.loaded.window.verticalScrollBar().value = 0
        self.keep(name, screenshots.window(self.loaded, self.out / f"{name}.png", WINDOW, PANEL_WIDTH))
        for section in ("caseSection", "assessSection"):
            getattr(self.ui, section).collapsed = False

    @staticmethod
    def keep(name: str, path: Path, trim: bool = False) -> None:
        """Make the file small; not by fewer colors, which would make others of those of the stations."""
        picture = Image.open(path).convert("RGB")
        if trim:
            pixels = np.asarray(picture).astype(int)
            used = np.flatnonzero(np.abs(pixels - pixels[-1, :1]).max(axis=(1, 2)) > 8)
            picture = picture.crop((0, 0, picture.width, min(int(used[-1]) + MARGIN, picture.height)))
        picture.save(path, optimize=True)
        log.info("%s.png", name)

    def drawn(self) -> None:
        """Until names and surfaces are there."""
        self.wait(lambda: not self.logic.drawing.isMakingSurfaces, "names and surfaces")

    def surfaces(self) -> None:
        """Show stations and nodes in 3D."""
        self.ui.show3DCheck.checked = True
        self.wait(lambda: not self.logic.drawing.isMakingSurfaces, "the surfaces")
        slicer.app.layoutManager().resetThreeDViews()

    def wait(self, condition: Callable[[], Any], what: str) -> None:
        """Until something is so."""
        driver.wait_for(condition, PATIENCE_S, what)

    def idle(self) -> None:
        """Until the worker is done."""
        self.wait(lambda: not self.logic.queue.jobs(), "the worker")
        slicer.app.processEvents()


def press(button: Any) -> None:
    """Click, once the panel has caught up."""
    slicer.app.processEvents()
    driver.click(button)


@contextmanager
def module(out: Path) -> Iterator[Photographer]:
    """The module over an empty scene."""
    slicer_host.clear_scene()
    with slicer_host.load_module(ROOT / "LNStation" / "LNStation.py") as loaded:
        loaded.logic.dependencies.workerCommand = real_worker
        # Lower than any picture: the panel is then as high as it wants, not as high as the window.
        loaded.show(PANEL_WIDTH, 200)
        loaded.parent.widgetRepresentation().enter()
        yield Photographer(loaded, out)
        slicer_host.clear_scene()


def fresh(camera: Photographer) -> None:
    """A fresh installation, whose packages are missing."""
    from LNStationSlicer.install.Dependencies import DependencyState

    camera.logic.dependencies.state = lambda: DependencyState(False, "", installable=True)
    camera.loaded.widget.refresh()
    camera.section("panel_install", "assessSection")


def phantom(camera: Photographer) -> None:
    """A synthetic patient with PET, from the empty panel to the report."""
    camera.panel("panel_empty")
    patient = patients.add_patient(demo_case(0, spacing_mm=SPACING_MM), "lung-n2")
    ui, logic = camera.ui, camera.logic
    ui.ctSelector.setCurrentNode(patient.ct)
    ui.petSelector.setCurrentNode(patient.pet)
    for combo, key in ((ui.petUnitCombo, "SUVbw"), (ui.cancerCombo, "lung"), (ui.tumorSideCombo, "R")):
        combo.currentIndex = combo.findData(key)
    press(ui.assessButton)
    camera.wait(lambda: ui.progressBar.value > 450, "half of the assessment")
    camera.section("panel_assessing", "caseSection", "assessSection")
    camera.wait(lambda: logic.case.assessment() is not None, "the assessment")
    camera.idle()
    logic.selectStation("4R")
    camera.closer(CLOSE_MM)
    ui.displaySection.collapsed = False
    for combo, key in ((ui.representationCombo, "both"),):
        combo.currentIndex = combo.findData(key)
    camera.surfaces()
    camera.views("views_phantom")
    camera.section("panel_stations", "stationsSection", "displaySection")
    ui.displaySection.collapsed = True
    camera.window("window_phantom")
    ui.petRadio.checked = True
    camera.views("views_phantom_pet")
    ui.plainRadio.checked = True
    nodes(camera)
    organs(camera)
    correct(camera)
    report(camera)


def layouts(camera: Photographer) -> None:
    """A synthetic patient in the layouts for PET and for an earlier study."""
    patient = patients.add_patient(demo_case(0, spacing_mm=SPACING_MM), "lung-n2")
    ui, logic = camera.ui, camera.logic
    ui.ctSelector.setCurrentNode(patient.ct)
    ui.petSelector.setCurrentNode(patient.pet)
    for combo, key in ((ui.petUnitCombo, "SUVbw"), (ui.cancerCombo, "lung"), (ui.tumorSideCombo, "R")):
        combo.currentIndex = combo.findData(key)
    ui.spacingSpin.value = 2.5
    press(ui.assessButton)
    camera.wait(lambda: logic.case.assessment() is not None, "the assessment")
    camera.idle()
    pet_layout(camera)
    prior(camera)
    ui.worklistSection.collapsed = False
    camera.section("panel_worklist", "worklistSection")


def pet_layout(camera: Photographer) -> None:
    """CT, PET, fusion and projection side by side."""
    camera.ui.displaySection.collapsed = False
    press(camera.ui.petLayoutButton)
    camera.logic.selectStation("4R")
    camera.closer(PET_LAYOUT_MM)
    camera.drawn()
    rows = ((PetViews.CT, PetViews.PET), (PetViews.FUSION, PetViews.MIP))
    camera.keep("views_pet_layout", screenshots.layout(rows, camera.out / "views_pet_layout.png", VIEWS))
    camera.section("panel_display", "displaySection")
    press(camera.ui.petLayoutButton)
    camera.ui.displaySection.collapsed = True
    camera.closer(CLOSE_MM)


def prior(camera: Photographer) -> None:
    """The same patient as an earlier study that lay elsewhere on the table, beside the one under review."""
    ui, logic = camera.ui, camera.logic
    now = logic.case
    case = demo_case(0, spacing_mm=SPACING_MM)
    earlier = patients.add_patient(shifted(case), "lung-n2, a year ago")
    logic.selectCase(None)
    ui.ctSelector.setCurrentNode(earlier.ct)
    ui.organsSelector.setCurrentNode(earlier.organs)
    ui.nodesSelector.setCurrentNode(earlier.nodes)
    for combo, key in ((ui.cancerCombo, "lung"), (ui.tumorSideCombo, "R")):
        combo.currentIndex = combo.findData(key)
    ui.spacingSpin.value = 2.5
    press(ui.assessButton)
    camera.wait(lambda: logic.case is not None and logic.case.assessment() is not None, "the assessment")
    camera.idle()
    logic.selectCase(now)
    camera.idle()
    ui.priorCombo.currentIndex = 1
    camera.wait(lambda: logic.case.priorToCase() is not None, "the registration")
    camera.idle()
    logic.selectStation("4R")
    camera.closer(CLOSE_MM)
    camera.drawn()
    rows = ((PriorViews.NOW, PriorViews.THEN), (PriorViews.NOW_CORONAL, PriorViews.THEN_CORONAL))
    camera.keep("views_prior", screenshots.layout(rows, camera.out / "views_prior.png", VIEWS))
    camera.section("panel_prior", "stationsSection")


def shifted(case: Any) -> Any:
    """The case with all its images some centimeters away and turned a little."""
    turn = sitk.Euler3DTransform((0.0, 0.0, 0.0), 0.03, 0.0, 0.04, (12.0, -8.0, 15.0))

    def moved(image: Any, outside: float = 0.0) -> Any:
        kind = sitk.sitkLinear if outside else sitk.sitkNearestNeighbor
        return sitk.Resample(image, image, turn, kind, outside)

    organs = {name: moved(mask) for name, mask in case.organ_masks.items()}
    nodes = moved(case.nodes) if case.nodes is not None else None
    return replace(case, ct=moved(case.ct, -1024.0), pet=None, organ_masks=organs, nodes=nodes, tumor=None)


def nodes(camera: Photographer) -> None:
    """A node added by a point, another dismissed."""
    logic = camera.logic
    logic.selectStation("4R")
    camera.idle()
    smallest = logic.nodes.rows()[-1]
    logic.nodes.dismiss([smallest.number])
    camera.idle()
    largest = logic.nodes.rows()[0]
    logic.nodes.split(largest.number)
    camera.idle()
    logic.nodes.select(largest.number)
    camera.section("panel_nodes", "stationsSection")
    camera.window("window_nodes")
    logic.nodes.merge(logic.review.edits()[-1]["nodes_after"])
    logic.nodes.restore([smallest.number])
    camera.idle()


def organs(camera: Photographer) -> None:
    """The organs over the CT, and the list of where each came from."""
    ui, logic = camera.ui, camera.logic
    ui.displaySection.collapsed = False
    ui.showOrgansCheck.checked = True
    camera.idle()
    camera.section("panel_organs", "displaySection")
    camera.views("views_organs")
    ui.showOrgansCheck.checked = False
    ui.displaySection.collapsed = True
    logic.selectStation("4R")


def correct(camera: Photographer) -> None:
    """An edited station, not yet assessed again; then the reader's calls."""
    ui, logic = camera.ui, camera.logic
    ui.autoReassessCheck.checked = False
    eraseLowerHalf(logic.case, "10R")
    camera.wait(lambda: logic.review.stale(), "the stale mark")
    logic.selectStation("10R")
    ui.correctSection.collapsed = False
    camera.section("panel_correcting", "stationsSection", "correctSection")
    ui.correctSection.collapsed = True
    press(ui.nextButton)
    logic.reassess()
    camera.idle()


def report(camera: Photographer) -> None:
    """The report section after a report was written, and a blind first read."""
    ui, logic = camera.ui, camera.logic
    for station, call in (("4R", "positive"), ("7", "positive"), ("10R", "negative")):
        logic.reader.call(station, call)
    logic.reader.note("10R", "hilar vessel")
    camera.wait(lambda: logic.review.nCategory(), "the reader's N category")
    camera.idle()
    ui.reportSection.collapsed = False
    ui.readerEdit.text = "Reader A"
    with tempfile.TemporaryDirectory(prefix="reports-") as folder:
        ui.reportFolderEdit.currentPath = folder
        slicer.app.processEvents()
        press(ui.writeReportButton)
        camera.wait(lambda: ui.openReportButton.enabled, "the report")
        camera.idle()
        ui.statusLabel.text = "Report written."
        ui.reportFolderEdit.currentPath = "~/reports"
        camera.section("panel_report", "stationsSection", "reportSection")
    camera.loaded.widget.showMessage("")
    ui.reportSection.collapsed = True


def blind(camera: Photographer) -> None:
    """A blind first read, two stations called."""
    patient = patients.add_patient(patients.phantom(), "blind")
    ui, logic = camera.ui, camera.logic
    ui.ctSelector.setCurrentNode(patient.ct)
    ui.petSelector.setCurrentNode(patient.pet)
    for combo, key in ((ui.petUnitCombo, "SUVbw"), (ui.cancerCombo, "lung"), (ui.tumorSideCombo, "R")):
        combo.currentIndex = combo.findData(key)
    ui.spacingSpin.value = 2.5
    press(ui.blindCheck)
    press(ui.assessButton)
    camera.wait(lambda: logic.case.assessment() is not None, "the assessment")
    camera.idle()
    logic.reader.call("4R", "positive")
    logic.reader.call("4L", "negative")
    logic.selectStation("4R")
    camera.wait(lambda: logic.review.nCategory(), "the reader's N category")
    camera.idle()
    camera.section("panel_blind", "stationsSection")


def _with_package(camera: Photographer, folder: Path, method: str) -> Any:
    """The esophageal phantom, and the first package in a folder that a method takes chosen for it; its picker."""
    patient = patients.add_patient(sample_case("esophagus-clear-signs"), "esophagus-clear-signs", with_pet=False)
    ui, logic = camera.ui, camera.logic
    ui.ctSelector.setCurrentNode(patient.ct)
    ui.nodesSelector.setCurrentNode(patient.nodes)
    ui.cancerCombo.currentIndex = ui.cancerCombo.findData("esophagus")
    slicer.app.processEvents()
    logic.models.addFolder(folder)
    picker = camera.loaded.widget.assessing.models.pickers["metastasis"].widgets

    def rows() -> list[int]:
        paths = [card["path"] for card in logic.models.cards if Path(card["path"]).parent == folder]
        found = [picker.combo.findData(f"package:{method}:{path}") for path in paths]
        return [row for row in found if row >= 0]

    camera.wait(rows, f"a package for {method}")
    picker.combo.currentIndex = rows()[0]
    return picker


def model(camera: Photographer, folder: Path) -> None:
    """A learned model: its card, the probabilities and the attention map."""
    picker = _with_package(camera, folder, "station_network")
    ui, logic = camera.ui, camera.logic
    picker.cardGroup.collapsed = False
    camera.section("panel_model", "assessSection")
    picker.cardGroup.collapsed = True
    settings(camera)
    press(ui.assessButton)
    camera.wait(lambda: logic.case.assessment() is not None, "the assessment")
    camera.idle()
    logic.selectStation("7")
    camera.surfaces()
    camera.closer(CLOSE_MM)
    camera.section("panel_probabilities", "stationsSection")
    camera.views("views_attention")
    camera.window("window_attention")
    logic.models.setFolders([])


def node_model(camera: Photographer, folder: Path) -> None:
    """A learned model of single nodes: their probabilities, and the heat map of the station of the first of them."""
    _with_package(camera, folder, "node_network")
    ui, logic = camera.ui, camera.logic
    press(ui.assessButton)
    camera.wait(lambda: logic.case.assessment() is not None, "the assessment")
    camera.idle()
    logic.selectStation("7")
    suspicious = max(logic.nodes.rows(), key=lambda row: row.probability or 0.0)
    logic.nodes.select(suspicious.number)
    sections = camera.loaded.widget.sections
    nodes = next(section for section in sections if type(section).__name__ == "NodesSection")
    nodes.table.select(suspicious.number)
    camera.surfaces()
    camera.closer(CLOSE_MM)
    camera.section("panel_node_probabilities", "stationsSection")
    camera.window("window_node_heat")
    logic.models.setFolders([])


def settings(camera: Photographer) -> None:
    """All methods and options, those of a network too."""
    groups = (camera.ui.advancedGroup, camera.ui.expertGroup)
    for group in groups:
        group.collapsed = False
    camera.section("panel_settings", "assessSection")
    for group in groups:
        group.collapsed = True


def real(camera: Photographer, folder: Path) -> None:
    """The real CT with its seven organ masks."""
    ct = patients.add_volume(sitk.ReadImage(str(folder / "ct.nii.gz")), "chest CT")
    files = sorted((folder / "organs").glob("*.nii.gz"))
    masks = {file.name.removesuffix(".nii.gz"): sitk.ReadImage(str(file)) for file in files}
    patients.add_segmentation(masks, ct, "TotalSegmentator")
    ui, logic = camera.ui, camera.logic
    ui.ctSelector.setCurrentNode(ct)
    ui.cancerCombo.currentIndex = ui.cancerCombo.findData("lung")
    ui.tumorSideCombo.currentIndex = ui.tumorSideCombo.findData("R")
    slicer.app.processEvents()
    press(ui.assessButton)
    camera.wait(lambda: logic.case.assessment() is not None, "the assessment")
    camera.idle()
    logic.selectStation("4R")
    ui.displaySection.collapsed = False
    ui.representationCombo.currentIndex = ui.representationCombo.findData("both")
    camera.surfaces()
    camera.closer(CLOSE_MM)
    camera.views("views_real_ct")
    press(ui.showNodesCheck)
    scores(camera)
    press(ui.showNodesCheck)
    ui.displaySection.collapsed = True
    camera.window("window_real_ct")


def scores(camera: Photographer) -> None:
    """The slider over the scores of candidates, at the station with most of them: all, then the surest half."""
    ui, logic = camera.ui, camera.logic
    points = logic.nodes.operatingPoints()
    held = Counter(node["station"] for node in logic.case.assessment()["nodes"])
    logic.selectStation(max(held, key=lambda name: held[name] if name else 0))
    ui.displaySection.collapsed = True
    for name, score in (("", points.lowest), ("_surest", points.scores[len(points.scores) // 2])):
        ui.nodeScoreSlider.value = score
        camera.surfaces()
        camera.section(f"panel_candidates{name}", "stationsSection")
        camera.views(f"views_candidates{name}")
    ui.nodeScoreSlider.value = points.lowest
    ui.displaySection.collapsed = False
    logic.selectStation("4R")


def main() -> None:
    """Read the command line and take the pictures."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", type=Path, default=ROOT / "Resources" / "Screenshots")
    parser.add_argument("--real", type=Path, default=ROOT.parent / "shared" / "data" / "chest_ct_01")
    parser.add_argument("--only", choices=("fresh", "phantom", "layouts", "blind", "model", "nodes", "real"))
    parser.add_argument("--models", type=Path, default=ROOT / "Resources" / "Models")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    arguments.out.mkdir(parents=True, exist_ok=True)
    jobs: dict[str, Callable[[Photographer], None]] = {"fresh": fresh, "phantom": phantom, "layouts": layouts}
    jobs["blind"] = blind
    models = arguments.models.resolve()
    if models.is_dir():
        jobs["model"] = lambda camera: model(camera, models)
        jobs["nodes"] = lambda camera: node_model(camera, models)
    if arguments.real.is_dir():
        jobs["real"] = lambda camera: real(camera, arguments.real)
    for name, job in jobs.items():
        if arguments.only in (None, name):
            with module(arguments.out) as camera:
                job(camera)


if __name__ == "__main__":
    main()
