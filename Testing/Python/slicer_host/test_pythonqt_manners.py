"""PySide6 behaves as PythonQt does, so that code that passes here runs in Slicer."""

from __future__ import annotations

import functools
import time
from pathlib import Path
from typing import Any

import pytest
import slicer_host


@pytest.fixture
def button(qt: Any) -> Any:
    made = qt.QPushButton("Assess")
    made.checkable = True
    return made


def test_properties_are_attributes(qt: Any, button: Any) -> None:
    assert button.text == "Assess"
    button.text = "Again"
    button.enabled = False
    assert (button.text, button.enabled, button.isEnabled()) == ("Again", False, False)
    box = qt.QComboBox()
    box.addItems(["a", "b"])
    box.currentIndex = 1
    assert (box.count, box.currentText, box.maxVisibleItems) == (2, "b", 10)
    table = qt.QTableWidget(3, 2)
    assert (table.rowCount, table.columnCount) == (3, 2)


def test_reading_a_property_by_a_call_fails(button: Any) -> None:
    with pytest.raises(TypeError, match="not callable"):
        button.text()


def test_what_is_no_property_stays_a_method(qt: Any) -> None:
    panel = qt.QWidget()
    layout = qt.QVBoxLayout(panel)
    assert panel.layout() is layout
    table = qt.QTableWidget(1, 1)
    table.setItem(0, 0, qt.QTableWidgetItem("4R"))
    assert table.item(0, 0).text() == "4R"
    assert table.currentRow() == -1


def test_setters_can_be_called(button: Any) -> None:
    button.setText("Stop")
    assert button.text == "Stop"


def test_none_is_refused_where_pythonqt_would_write_that_word(slicer: Any, button: Any) -> None:
    with pytest.raises(TypeError, match="writes the word None into 'text'"):
        button.text = None
    with pytest.raises(TypeError, match="leave detailedText away"):
        slicer.util.errorDisplay("The worker stopped.", detailedText=None)
    slicer.util.errorDisplay("The worker stopped.", windowTitle=None, detailedText="why")
    assert slicer_host.take_messages() == [("error", "The worker stopped.")]


def test_read_only_properties_stay_so(button: Any) -> None:
    with pytest.raises(AttributeError, match="read only"):
        button.width = 5


def test_a_timer_has_both_the_property_and_the_function_single_shot(slicer: Any, qt: Any) -> None:
    timer = qt.QTimer()
    assert timer.singleShot is False
    timer.singleShot = True
    assert timer.singleShot is True
    called: list[int] = []
    qt.QTimer.singleShot(0, lambda: called.append(1))
    slicer.app.processEvents()
    assert called == [1]


def test_new_attributes_are_refused_on_qt_objects_and_stand_ins(slicer: Any, button: Any) -> None:
    import ctk

    for widget in (button, ctk.ctkSliderWidget(), slicer.qMRMLNodeComboBox()):
        with pytest.raises(AttributeError, match="creating new attributes on C\\+\\+ objects is not allowed"):
            widget.case = 1


def test_classes_derived_in_python_hold_attributes(qt: Any) -> None:
    class Legend(qt.QWidget):
        def __init__(self, parent: Any = None) -> None:
            super().__init__(parent)
            self.entries = ["4R"]

    assert Legend().entries == ["4R"]


def test_keyword_arguments_are_refused(qt: Any, button: Any) -> None:
    with pytest.raises(TypeError, match="keyword"):
        qt.QPushButton(text="Assess")
    with pytest.raises(TypeError, match="keyword"):
        button.setText(text="Assess")


def test_enums_are_unscoped_numbers(qt: Any) -> None:
    assert qt.Qt.Checked == 2
    assert qt.QProcess.Running == 2
    assert qt.Qt.AlignLeft | qt.Qt.AlignTop == 33
    assert qt.QProcess().state() == qt.QProcess.NotRunning
    label = qt.QLabel()
    label.alignment = qt.Qt.AlignRight
    assert label.alignment & qt.Qt.AlignRight


def test_scoped_enums_are_refused(qt: Any) -> None:
    with pytest.raises(AttributeError, match="scoped"):
        _ = qt.Qt.CheckState.Checked


def test_lists_come_as_tuples(qt: Any, tmp_path: Path) -> None:
    (tmp_path / "a").write_text("")
    assert qt.QDir(str(tmp_path)).entryList(qt.QDir.Files) == ("a",)
    assert isinstance(qt.QProcess().arguments(), tuple)
    panel = qt.QWidget()
    child = qt.QLabel("x", panel)
    assert panel.children() == (child,)
    assert panel.findChildren(qt.QLabel) == (child,)


def test_children_are_found_by_class_or_by_its_name(qt: Any) -> None:
    panel = qt.QWidget()
    label, other = qt.QLabel("x", panel), qt.QLabel("y", panel)
    other.name = "second"
    assert other.objectName == "second"
    assert panel.findChild(qt.QLabel) is label
    assert panel.findChild("QLabel", "second") is other
    assert panel.findChild(qt.QPushButton) is None
    assert label.className() == "QLabel"


def test_signals_connect_in_both_ways(button: Any) -> None:
    got: list[Any] = []
    button.clicked.connect(lambda checked: got.append(("signal", checked)))
    assert button.connect("clicked(bool)", lambda checked: got.append(("name", checked)))
    button.click()
    assert got == [("signal", True), ("name", True)]


def test_surplus_arguments_are_dropped_for_functions_and_methods(button: Any) -> None:
    got: list[Any] = []

    class Panel:
        def without(self) -> None:
            got.append("method")

        def with_one(self, checked: bool) -> None:
            got.append(checked)

    def defaulted(checked: Any = "default") -> None:
        got.append(("defaulted", checked))

    panel = Panel()
    for function in (panel.without, panel.with_one, defaulted, lambda: got.append("lambda")):
        button.clicked.connect(function)
    button.connect("clicked()", defaulted)
    button.click()
    assert got == ["method", True, ("defaulted", True), "lambda", ("defaulted", "default")]


def test_surplus_arguments_are_not_dropped_for_other_callables(button: Any) -> None:
    button.clicked.connect(functools.partial(lambda station: None, "4R"))
    button.click()
    (error,) = slicer_host.take_slot_errors()
    assert isinstance(error, TypeError)


def test_connections_can_be_undone(button: Any) -> None:
    got: list[Any] = []

    def first() -> None:
        got.append(1)

    def second() -> None:
        got.append(2)

    button.clicked.connect(first)
    button.connect("clicked(bool)", second)
    assert button.clicked.disconnect(first)
    assert button.disconnect("clicked(bool)", second)
    assert not button.disconnect("clicked(bool)", second)
    button.click()
    assert got == []


def test_a_connected_method_keeps_its_object_alive(button: Any) -> None:
    got: list[int] = []

    class Handler:
        def handle(self) -> None:
            got.append(1)

    button.clicked.connect(Handler().handle)
    button.click()
    assert got == [1]


def test_signals_that_are_not_there_are_refused(button: Any) -> None:
    with pytest.raises(ValueError, match=r"clicked\(QString\)"):
        button.connect("clicked(QString)", print)
    with pytest.raises(ValueError, match="pressedTwice"):
        button.connect("pressedTwice()", print)


@pytest.mark.parametrize("name", ["Signal", "Slot", "Property"])
def test_ways_of_declaring_signals_in_python_are_absent(qt: Any, name: str) -> None:
    assert not hasattr(qt, name)


def test_file_dialogs_return_plain_strings(qt: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from slicer_host import pythonqt

    class Dialog:
        @staticmethod
        def getOpenFileName(*_: Any) -> tuple[str, str]:
            return "/a/b.nii.gz", "*"

        @staticmethod
        def getOpenFileNames(*_: Any) -> tuple[list[str], str]:
            return ["/a", "/b"], "*"

        getSaveFileName = getOpenFileName

    qt_like: Any = type("Module", (), {"QFileDialog": Dialog})
    pythonqt._plain_strings_from_file_dialogs(qt_like)
    assert qt_like.QFileDialog.getOpenFileName(None, "Open") == "/a/b.nii.gz"
    assert qt_like.QFileDialog.getOpenFileNames(None, "Open") == ("/a", "/b")


def test_a_process_speaks_through_its_signals(slicer: Any, qt: Any) -> None:
    import sys

    from slicer_host import driver

    process = qt.QProcess()
    ended: list[Any] = []
    process.finished.connect(lambda code, status: ended.append((code, status == qt.QProcess.NormalExit)))
    process.start(sys.executable, ["-c", "print('hello'); raise SystemExit(3)"])
    driver.wait_for(lambda: ended, 20)
    assert process.readAllStandardOutput().data().strip() == b"hello"
    assert ended == [(3, True)]


def test_many_signals_with_booleans_do_not_wear_python_out(qt: Any) -> None:
    box = qt.QCheckBox()
    count = [0]
    box.toggled.connect(lambda checked: count.__setitem__(0, count[0] + 1))
    for _ in range(5000):
        box.checked = not box.checked
    assert count == [5000]


def test_a_raising_observer_is_noticed(slicer: Any) -> None:
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTextNode")

    def fail(caller: Any, event: str) -> None:
        raise KeyError("4R")

    node.AddObserver("ModifiedEvent", fail)
    node.Modified()
    (error,) = slicer_host.take_slot_errors()
    assert isinstance(error, KeyError)


def test_waiting_ends_with_an_error(slicer: Any) -> None:
    from slicer_host import driver

    before = time.monotonic()
    with pytest.raises(TimeoutError, match="The worker did not come about"):
        driver.wait_for(lambda: False, 0.05, "The worker")
    assert time.monotonic() - before < 2
