"""A network from package to overlay: panel, real worker, a tiny package of random weights."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import slicer_host

if _reason := slicer_host.why_unavailable():
    pytest.skip(_reason, allow_module_level=True)
pytest.importorskip("torch", reason="the 'networks' packages are not installed")
slicer = slicer_host.start()

import vtk  # noqa: E402
from LNStationSlicer.panel.SelfTest import eraseLowerHalf  # noqa: E402
from LNStationSlicer.views import Navigation  # noqa: E402
from metastasis.network_cases import write_stations_package  # noqa: E402
from module import patients  # noqa: E402
from module.panel_driver import PanelDriver, opened_panel, use_worker  # noqa: E402
from module.workers import real_worker  # noqa: E402
from phantoms import small  # noqa: E402
from slicer_host import driver  # noqa: E402

from LNStationLib.anatomy.station_groups import STATIONS  # noqa: E402

PATIENCE_S = 300.0


@pytest.fixture
def panel(tmp_path: Path) -> Iterator[PanelDriver]:
    with opened_panel(tmp_path) as made:
        use_worker(made.loaded, real_worker)
        yield made
        made.logic.models.setFolders([])


def attention(panel: PanelDriver) -> tuple[np.ndarray, np.ndarray]:
    """Values above 0 and their RAS points."""
    node = panel.logic.case.mapNode()
    values = slicer.util.arrayFromVolume(node)
    matrix = vtk.vtkMatrix4x4()
    node.GetIJKToRASMatrix(matrix)
    index = np.argwhere(values > 0)
    points = np.c_[index[:, ::-1], np.ones(len(index))] @ slicer.util.arrayFromVTKMatrix(matrix).T
    return values[values > 0], points[:, :3]


def finish(panel: PanelDriver) -> None:
    """The worker has nothing to do, and the panel shows it."""
    panel.wait(lambda: not panel.logic.queue.jobs(), "the worker", PATIENCE_S)
    slicer.app.processEvents()


def test_a_package_calls_the_stations_and_an_edited_one_anew(panel: PanelDriver, tmp_path: Path) -> None:
    write_stations_package(tmp_path / "models.zip", stations=list(STATIONS))
    patient = patients.add_patient(small(0).case, "patient", with_pet=False)
    panel.ui.ctSelector.setCurrentNode(patient.ct)
    slicer.app.processEvents()
    panel.logic.models.addFolder(tmp_path)
    # Shipped packages may be listed before.
    panel.wait(lambda: any(card["id"] == "tiny" for card in panel.logic.models.cards), "the package", PATIENCE_S)
    panel.picker.combo.currentIndex = next(
        i for i in range(panel.picker.combo.count) if "Tiny network" in panel.picker.combo.itemText(i)
    )
    panel.ui.nodesSelector.setCurrentNode(patient.nodes)
    panel.ui.spacingSpin.value = 4.0
    slicer.app.processEvents()
    driver.click(panel.ui.assessButton)
    panel.wait(lambda: panel.logic.case.assessment() is not None, "the assessment", PATIENCE_S)
    finish(panel)
    rows = {row.name: row for row in panel.logic.rows()}
    judged = {name for name, row in rows.items() if row.probability is not None}
    assert {"4R", "7"} <= judged
    assert "of the attention in nodes" in rows["7"].reason
    assert " by tiny 1 at balanced, synthetic training" in panel.ui.modelDecidedLabel.text
    values, points = attention(panel)
    assert 0.5 < values.max() <= 1
    strongest = points[np.argsort(values)[-20:]]
    assert {Navigation.stationAt(panel.logic.case, point) for point in strongest} <= judged
    before, others = rows["7"].probability, {name: rows[name].probability for name in judged - {"7"}}
    eraseLowerHalf(panel.logic.case, "7")
    panel.wait(lambda: panel.logic.review.edits(), "the edit")
    panel.wait(lambda: not panel.logic.review.stale(), "the new assessment", PATIENCE_S)
    finish(panel)
    rows = {row.name: row for row in panel.logic.rows()}
    assert rows["7"].probability != before
    assert {name: rows[name].probability for name in others} == others
    lower_half, kept = attention(panel)
    assert len(kept) < len(points), "the map follows the edited outline"
    assert 0.5 < lower_half.max() <= 1
