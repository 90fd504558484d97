"""The advanced settings of the panel, and the worker's packages."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest
import slicer_host

if _reason := slicer_host.why_unavailable():
    pytest.skip(_reason, allow_module_level=True)
slicer = slicer_host.start()

from module.panel_driver import MODULE, PanelDriver  # noqa: E402
from slicer_host import driver  # noqa: E402

ROOT = MODULE.parents[1]


def test_settings_without_a_case_show_what_a_new_case_begins_with(panel: PanelDriver) -> None:
    assert panel.ui.advancedGroup.collapsed
    panel.ui.advancedGroup.collapsed = False
    short_axis = panel.field("metastasis", "short_axis_threshold_mm")
    spins = [short_axis, panel.field("metastasis", "suv_max_threshold"), panel.field("nodes", "suv_threshold")]
    spins.append(panel.ui.spacingSpin)
    assert [spin.value for spin in spins] == [10.0, 4.0, 2.5, 1.5]
    assert not any(spin.enabled for spin in spins)
    panel.choose_ct()
    assert all(spin.enabled for spin in spins)
    assert [spin.value for spin in spins] == [10.0, 4.0, 2.5, 1.5]
    assert panel.logic.caseSettings().asDict() == {}, "showing a value sets none"
    short_axis.value = 8.0
    assert panel.logic.caseSettings().value("metastasis", "clinical_criteria", "short_axis_threshold_mm") == 8.0
    panel.ui.ctSelector.setCurrentNode(None)
    slicer.app.processEvents()
    assert short_axis.value == 10.0
    (case,) = panel.logic.cases()
    kept = json.loads(case.node.GetParameter("settings"))
    assert kept["metastasis"]["options"]["station_network"] == {"short_axis_threshold_mm": 8.0}


def test_devices_are_asked_of_the_worker_when_somebody_looks_and_the_choice_is_kept(panel: PanelDriver) -> None:
    panel.assessed()
    assert "devices" not in panel.worker.methods()
    panel.ui.advancedGroup.collapsed = False
    assert panel.logic.getParameterNode().device == "auto"
    panel.wait(lambda: panel.ui.deviceCombo.findData("cuda:0") >= 0, "the devices")
    assert panel.ui.deviceCombo.itemData(panel.ui.deviceCombo.currentIndex) == "auto"
    panel.ui.deviceCombo.currentIndex = panel.ui.deviceCombo.findData("cuda:0")
    assert panel.logic.getParameterNode().device == "cuda:0"


def test_a_device_of_another_computer_is_shown_and_not_replaced_in_silence(panel: PanelDriver) -> None:
    panel.choose_ct()
    panel.logic.getParameterNode().device = "cuda:5"
    panel.widget.refresh()
    assert panel.ui.deviceCombo.currentText == "cuda:5"
    assert panel.logic.getParameterNode().device == "cuda:5"


def test_without_packages_the_user_is_asked_first_and_a_no_changes_nothing(panel: PanelDriver) -> None:
    panel.choose_ct()
    missing = type("State", (), {"ready": False, "installable": True, "sentence": "Press Install."})()
    panel.logic.dependencies.state = lambda: missing
    panel.logic.dependencies.consentText = lambda withNetworks: "Fetch about 1 GB?"
    slicer_host.confirm_with(False)
    try:
        driver.click(panel.ui.assessButton)
    finally:
        slicer_host.confirm_with(True)
    assert ("confirm", "Fetch about 1 GB?") in slicer_host.take_messages()
    # What the worker offers may have been asked for while the packages were there.
    assert "assess" not in {request["method"] for request in panel.worker.requests()}
    assert panel.logic.queue.active is None


class FreshInstallation:
    """A module whose packages are not there; an installation is one step, and the packages are there after it.

    Attributes:
        samples: Keys of the sample patients that the panel began to make.
    """

    def __init__(self, panel: PanelDriver) -> None:
        from LNStationSlicer.install.Installation import Installation, Step
        from LNStationSlicer.support.Command import Command

        self.ready, self.samples = False, []
        dependencies = panel.logic.dependencies
        command = Command(sys.executable, ("-c", "pass"), dict(os.environ))
        step = Step("Fetch packages", 1.0, command, finish=self._install)
        dependencies.state = self._state
        dependencies.consentText = lambda withNetworks: "Fetch about 1 GB?"
        dependencies.installation = lambda withNetworks, fromScratch: Installation((step,))
        panel.widget.sample.open = self.samples.append
        panel.widget.refresh()

    def _install(self, code: int, lines: list[str]) -> None:
        self.ready = True

    def _state(self) -> object:
        from LNStationSlicer.install.Dependencies import DependencyState

        return DependencyState(self.ready, "Ready." if self.ready else "Not installed yet: press Install.", True)


@pytest.fixture
def fresh(panel: PanelDriver) -> FreshInstallation:
    made = FreshInstallation(panel)
    slicer_host.take_messages()
    return made


def test_a_fresh_installation_shows_its_install_button_without_unfolding_anything(
    panel: PanelDriver, fresh: FreshInstallation
) -> None:
    assert panel.ui.advancedGroup.collapsed
    assert panel.ui.installFirstButton.isVisible()
    driver.click(panel.ui.installFirstButton)
    panel.wait(lambda: fresh.ready and not panel.widget.assessing.packages.isInstalling, "the installation")
    slicer.app.processEvents()
    assert not panel.ui.installFirstButton.isVisible()
    assert slicer_host.take_messages() == [("confirm", "Fetch about 1 GB?")]


def test_sample_data_on_a_fresh_installation_offers_the_packages_and_goes_on_after_them(
    panel: PanelDriver, fresh: FreshInstallation
) -> None:
    panel.ui.assessSection.collapsed = True
    panel.widget.openSample("lung-n2")
    assert slicer_host.take_messages() == [("confirm", "Fetch about 1 GB?")]
    assert not panel.ui.assessSection.collapsed, "the progress is to be seen"
    assert fresh.samples == []
    panel.wait(lambda: fresh.samples, "the sample")
    assert fresh.samples == ["lung-n2"]
    assert panel.ui.statusLabel.text.startswith("Making the sample patient")


def test_sample_data_without_consent_says_what_to_press_and_shows_it(
    panel: PanelDriver, fresh: FreshInstallation
) -> None:
    panel.ui.assessSection.collapsed = True
    slicer_host.confirm_with(False)
    try:
        panel.widget.openSample("lung-n2")
    finally:
        slicer_host.confirm_with(True)
    slicer.app.processEvents()
    assert panel.ui.statusLabel.text == "Not installed yet: press Install."
    assert panel.ui.installFirstButton.isVisible()
    assert (fresh.samples, fresh.ready) == ([], False)


def test_a_second_sample_during_the_installation_takes_the_place_of_the_first(
    panel: PanelDriver, fresh: FreshInstallation
) -> None:
    panel.widget.openSample("lung-n2")
    panel.widget.openSample("esophagus-middle")
    assert "as soon as the packages are installed" in panel.ui.statusLabel.text
    panel.wait(lambda: fresh.samples, "the sample")
    assert fresh.samples == ["esophagus-middle"]
    assert slicer_host.take_messages() == [("confirm", "Fetch about 1 GB?")]


def test_sample_data_with_packages_asks_nothing(panel: PanelDriver, fresh: FreshInstallation) -> None:
    fresh.ready = True
    panel.widget.openSample("lung-n2")
    assert fresh.samples == ["lung-n2"]
    assert slicer_host.take_messages() == []


def test_a_job_that_finds_no_packages_unfolds_the_section_with_the_button(
    panel: PanelDriver, fresh: FreshInstallation
) -> None:
    from LNStationSlicer.install.Installation import DependencyError

    def refuse(*_: str) -> None:
        raise DependencyError("Not installed yet: press Install.")

    panel.choose_ct()
    panel.ui.assessSection.collapsed = True
    panel.logic.dependencies.workerCommand = refuse
    panel.logic.assess()
    panel.idle()
    assert not panel.ui.assessSection.collapsed
    assert panel.ui.installFirstButton.isVisible()
    ((kind, text),) = slicer_host.take_messages()
    assert (kind, "press Install" in text) == ("error", True)


def test_packages_that_cannot_be_installed_are_said_in_the_status_line(panel: PanelDriver) -> None:
    # The module's own class: loading it reads its files anew.
    from LNStationSlicer.install.Installation import DependencyError

    def refuse(*_: object) -> None:
        raise DependencyError("No Python was found.")

    panel.choose_ct()
    panel.logic.dependencies.installation = refuse
    panel.widget.assessing.packages.onRepair()
    assert panel.ui.statusLabel.text == "No Python was found."
    slicer_host.take_messages()


@pytest.fixture
def installed(panel: PanelDriver, tmp_path: Path) -> PanelDriver:
    """The module as an installed extension: no source tree, so no developer's Python."""
    from LNStationSlicer.install.Dependencies import Dependencies, Surroundings

    library = tmp_path / "extension"
    (library / "Resources").mkdir(parents=True)
    (library / "Resources" / "Worker").symlink_to(ROOT / "Resources" / "Worker")
    python = tmp_path / "Slicer" / "bin" / "PythonSlicer"
    python.parent.mkdir(parents=True)
    python.write_text("")
    around = Surroundings(library, tmp_path / "data", {"PATH": ""}, str(tmp_path / "Slicer"))
    panel.logic.dependencies = Dependencies(slicer.app.userSettings(), around)
    panel.ui.advancedGroup.collapsed = False
    slicer.app.processEvents()
    yield panel
    for key in ("WheelsFolder", "WithNetworks"):
        slicer.app.userSettings().remove(f"LNStation/{key}")


def test_consent_names_what_was_chosen_in_the_panel(installed: PanelDriver, tmp_path: Path) -> None:
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    installed.ui.wheelsFolderEdit.currentPath = str(wheels)
    driver.click(installed.ui.networksCheck)
    assert installed.logic.dependencies.wheelsFolder == wheels
    slicer_host.take_messages()
    slicer_host.confirm_with(False)
    try:
        driver.click(installed.ui.installButton)
    finally:
        slicer_host.confirm_with(True)
    ((kind, text),) = slicer_host.take_messages()
    assert kind == "confirm"
    assert str(wheels) in text
    assert "8 GB" in text
    assert driver.child_processes() == []


def test_an_offline_folder_that_is_not_there_is_said_before_anything_else(
    installed: PanelDriver, tmp_path: Path
) -> None:
    installed.ui.wheelsFolderEdit.currentPath = str(tmp_path / "nowhere")
    slicer_host.take_messages()
    driver.click(installed.ui.installButton)
    assert "nowhere" in installed.ui.statusLabel.text
    assert slicer_host.take_messages() == []


def test_a_developers_python_leaves_nothing_to_choose_and_its_path_is_in_the_tip_only(panel: PanelDriver) -> None:
    panel.ui.advancedGroup.collapsed = False
    slicer.app.processEvents()
    assert not panel.ui.wheelsFolderEdit.enabled
    assert not panel.ui.installButton.enabled
    assert "/" not in panel.ui.environmentLabel.text
    assert panel.ui.environmentLabel.toolTip
