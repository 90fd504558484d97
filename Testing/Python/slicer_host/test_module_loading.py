"""A scripted module is loaded, reloaded, tested and unloaded as in Slicer, and leaves nothing behind."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import slicer_host

SOURCE = """
import qt
import slicer
from slicer.i18n import tr as _
from slicer.ScriptedLoadableModule import *
from slicer.util import VTKObservationMixin
from {name}Helper import GREETING


class {name}(ScriptedLoadableModule):
    def __init__(self, parent):
        ScriptedLoadableModule.__init__(self, parent)
        self.parent.title = _("A module")
        self.parent.categories = ["Test"]
        slicer.app.connect("startupCompleted()", registerSampleData)


def registerSampleData():
    import SampleData

    SampleData.SampleDataLogic.registerCustomSampleDataSource(category="{name}", sampleName="{name}1", uris="")


class {name}Widget(ScriptedLoadableModuleWidget, VTKObservationMixin):
    def __init__(self, parent=None):
        ScriptedLoadableModuleWidget.__init__(self, parent)
        VTKObservationMixin.__init__(self)
        self.calls = []

    def setup(self):
        ScriptedLoadableModuleWidget.setup(self)
        self.logic = {name}Logic()
        self.button = qt.QPushButton(GREETING)
        self.field = qt.QLineEdit()
        for widget in (self.button, self.field):
            self.layout.addWidget(widget)
        self.button.clicked.connect(self.onClicked)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.EndCloseEvent, self.onSceneClosed)

    def onClicked(self):
        if not slicer.util.confirmOkCancelDisplay("Really?"):
            return
        with slicer.util.tryWithErrorDisplay("It failed."):
            raise ValueError("no CT")

    def onSceneClosed(self, caller, event):
        self.calls.append("closed")

    def enter(self):
        self.calls.append("enter")

    def exit(self):
        self.calls.append("exit")

    def cleanup(self):
        self.calls.append("cleanup")
        self.removeObservers()


class {name}Logic(ScriptedLoadableModuleLogic):
    pass


class {name}Test(ScriptedLoadableModuleTest):
    def runTest(self):
        self.delayDisplay("running")
        assert slicer.modules.{lower}.path.endswith("{name}.py")
        slicer.ran = getattr(slicer, "ran", 0) + 1
"""


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A module's file, with a helper beside it and a picture to find."""
    name = "HostSample"
    path = tmp_path / f"{name}.py"
    path.write_text(SOURCE.format(name=name, lower=name.lower()))
    (tmp_path / f"{name}Helper.py").write_text('GREETING = "Hello"\n')
    return path


@pytest.fixture
def loaded(slicer: Any, source: Path) -> Iterator[Any]:
    with slicer_host.load_module(source) as module:
        yield module


def test_a_module_is_found_where_slicer_has_it(slicer: Any, loaded: Any, source: Path) -> None:
    assert slicer.modules.hostsample.path == str(source)
    assert slicer.modules.HostSampleWidget is loaded.widget
    assert slicer.util.modulePath("HostSample") == str(source)
    assert slicer.util.getModuleWidget("HostSample") is loaded.widget
    assert slicer.util.getModuleGui("HostSample") is loaded.widget
    assert slicer.util.getModuleLogic("HostSample") is loaded.logic
    assert "HostSample" in slicer.util.moduleNames()
    assert loaded.widget.resourcePath("UI/x.ui") == str(source.parent / "Resources" / "UI" / "x.ui")
    assert loaded.parent.title == "A module"


def test_sample_data_is_registered_at_startup(loaded: Any) -> None:
    import SampleData

    assert SampleData.SampleDataLogic.sources[-1]["sampleName"] == "HostSample1"


def test_clicks_and_keys_reach_the_panel_and_boxes_are_noted(slicer: Any, loaded: Any) -> None:
    from slicer_host import driver

    loaded.show()
    slicer_host.confirm_with(False)
    driver.click(loaded.widget.button)
    assert slicer_host.take_messages() == [("confirm", "Really?")]
    slicer_host.confirm_with(True)
    driver.click(loaded.widget.button)
    assert slicer_host.take_messages() == [("confirm", "Really?"), ("error", "It failed.\n\nno CT")]
    driver.type_text(loaded.widget.field, "4R")
    assert loaded.widget.field.text == "4R"


def test_what_nobody_could_click_is_not_clicked(loaded: Any) -> None:
    from slicer_host import driver

    loaded.show()
    loaded.widget.button.enabled = False
    with pytest.raises(RuntimeError, match="hidden or disabled"):
        driver.click(loaded.widget.button)


def test_choosing_modules_enters_and_leaves_the_panel(slicer: Any, loaded: Any) -> None:
    slicer.util.selectModule("HostSample")
    slicer.util.selectModule("Volumes")
    assert loaded.widget.calls == ["enter", "exit"]
    assert slicer.util.mainWindow() is None


def test_reloading_reads_the_source_anew_and_cleans_up_the_old_panel(loaded: Any, source: Path) -> None:
    from slicer_host import driver

    old = loaded.widget
    source.write_text(source.read_text().replace("(GREETING)", '("Changed")'))
    loaded.reload()
    assert old.calls == ["cleanup"]
    assert loaded.widget is not old
    loaded.show()
    assert loaded.widget.button.text == "Changed"
    assert (old.button.visible, loaded.widget.button.visible) == (False, True)
    driver.click(loaded.widget.button)
    assert slicer_host.take_messages()[0] == ("confirm", "Really?")


def test_closing_the_scene_reaches_the_panel(loaded: Any) -> None:
    slicer_host.clear_scene()
    assert loaded.widget.calls == ["closed"]


def test_its_self_test_runs(slicer: Any, loaded: Any) -> None:
    before = getattr(slicer, "ran", 0)
    loaded.run_self_test()
    assert slicer.ran == before + 1


def test_nothing_is_left_after_unloading(slicer: Any, source: Path) -> None:
    from slicer_host import driver

    paths, observers = list(sys.path), driver.observer_count(slicer.mrmlScene)
    with slicer_host.load_module(source) as loaded:
        widget = loaded.widget
        assert driver.observer_count(slicer.mrmlScene) > observers
        loaded.reload()
        last = loaded.widget
    assert (widget.calls[-1], last.calls[-1]) == ("cleanup", "cleanup")
    assert driver.observer_count(slicer.mrmlScene) == observers
    assert sys.path == paths
    assert not {"HostSample", "HostSampleHelper"} & set(sys.modules)
    assert not hasattr(slicer.modules, "hostsample")
    assert "HostSample" not in slicer.selfTests


def test_a_module_is_imported_with_its_own_folder_only_on_the_path(slicer: Any, source: Path) -> None:
    helper = source.with_name("HostSampleHelper.py")
    helper.write_text("import sys\nGREETING = repr(sys.path)\n")
    root = str(Path(__file__).resolve().parents[3])
    with slicer_host.load_module(source) as loaded:
        seen = loaded.widget.button.text
    assert str(source.parent) in seen
    assert f"'{root}'" not in seen


def test_child_processes_are_counted(slicer: Any, qt: Any) -> None:
    from slicer_host import driver

    before = driver.child_processes()
    process = qt.QProcess()
    process.start(sys.executable, ["-c", "import time; time.sleep(60)"])
    assert process.waitForStarted(20000)
    assert len(driver.child_processes()) == len(before) + 1
    process.kill()
    process.waitForFinished(20000)
    assert driver.child_processes() == before


def test_user_settings_are_temporary(slicer: Any, qt: Any) -> None:
    slicer_host.change_settings(LNStation__Python="/usr/bin/python3")
    assert slicer.app.userSettings().value("LNStation/Python") == "/usr/bin/python3"
    assert slicer.util.settingsValue("LNStation/Python", "") == "/usr/bin/python3"
    assert "slicer-host-" in slicer.app.userSettings().fileName()
    assert Path(slicer.util.tempDirectory()).is_dir()


def test_a_parameter_node_is_one_per_module(slicer: Any, loaded: Any) -> None:
    node = loaded.logic.getParameterNode()
    assert node is loaded.logic.getParameterNode()
    assert (node.GetAttribute("ModuleName"), node.GetSingletonTag()) == ("HostSample", "HostSample")
    slicer_host.clear_scene()
    assert loaded.logic.getParameterNode().GetAttribute("ModuleName") == "HostSample"


def test_testing_mode_can_be_left(slicer: Any) -> None:
    assert slicer.app.testingEnabled()
    slicer_host.set_testing(False)
    assert not slicer.app.testingEnabled()
    slicer_host.set_testing(True)
