"""What Slicer looks for in ``LNStation.py``, and manners that hold for all files of the module."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest
import slicer_host

if _reason := slicer_host.why_unavailable():
    pytest.skip(_reason, allow_module_level=True)
slicer = slicer_host.start()

import vtk  # noqa: E402
from LNStationSlicer.exchange import Terminology  # noqa: E402
from module.panel_driver import MODULE  # noqa: E402

FILES = sorted([MODULE, *(MODULE.parent / "LNStationSlicer").rglob("*.py")])
SHOWN = ("text", "toolTip", "title", "helpText", "acknowledgementText", "windowTitle", "placeholderText")
"""Properties whose strings a user reads."""


def trees() -> dict[Path, ast.Module]:
    return {path: ast.parse(path.read_text(encoding="utf-8")) for path in FILES}


def test_the_module_file_is_thin_and_has_the_four_classes() -> None:
    tree = ast.parse(MODULE.read_text(encoding="utf-8"))
    names = [node.name for node in tree.body if isinstance(node, ast.ClassDef)]
    assert names == ["LNStation", "LNStationWidget", "LNStationLogic", "LNStationTest"]
    assert len(MODULE.read_text(encoding="utf-8").splitlines()) < 100


@pytest.mark.parametrize("missing", ["slicer.i18n", "LNStationSlicer.Logic", "none"])
def test_an_older_slicer_is_told_which_one_is_needed(monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    monkeypatch.setattr(type(slicer.app), "minorVersion", 8)
    # An import that finds None in this table fails as one of a module that is not there.
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(ImportError) as refused:
        slicer_host.load_module(MODULE)
    assert str(refused.value) == "LNStation needs Slicer 5.10 or later; this is Slicer 5.8."


def test_a_later_slicer_is_told_what_could_not_be_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "slicer.i18n", None)
    with pytest.raises(ImportError, match=r"slicer\.i18n"):
        slicer_host.load_module(MODULE)


def test_the_module_file_can_be_read_by_the_python_of_an_older_slicer() -> None:
    # Slicer 5.0 to 5.8 run Python 3.9: a file that it cannot read would end in a syntax error, not in our sentence.
    ast.parse(MODULE.read_text(encoding="utf-8"), feature_version=(3, 9))


def test_slicer_is_told_title_category_help_and_contributors_and_our_terminology() -> None:
    with slicer_host.load_module(MODULE) as loaded:
        assert loaded.parent.title
        assert loaded.parent.categories == ["Segmentation"]
        assert loaded.parent.contributors
        assert "Rusch" in loaded.parent.acknowledgementText
        names = vtk.vtkStringArray()
        slicer.modules.terminologies.logic().GetLoadedTerminologyNames(names)
        assert names.LookupValue(Terminology.CONTEXT) >= 0


def test_translated_strings_are_literals_so_that_translators_find_them() -> None:
    wrong = [
        f"{path.name}:{call.lineno}"
        for path, tree in trees().items()
        for call in ast.walk(tree)
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "_"
        if len(call.args) != 1 or not isinstance(call.args[0], ast.Constant)
    ]
    assert wrong == []


def test_no_visible_property_gets_an_untranslated_word() -> None:
    wrong = [
        f"{path.name}:{node.lineno}"
        for path, tree in trees().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Attribute)
        if node.targets[0].attr in SHOWN and isinstance(node.value, ast.Constant) and node.value.value
    ]
    assert wrong == []


def test_no_qt_enum_is_scoped_and_no_qt_call_has_keywords() -> None:
    wrong = []
    for path, tree in trees().items():
        for node in ast.walk(tree):
            text = ast.unparse(node) if isinstance(node, ast.Attribute) else ""
            if text.startswith("qt.Qt.") and text.count(".") > 2:
                wrong.append(f"{path.name}:{node.lineno} {text}")
            if isinstance(node, ast.Call) and ast.unparse(node.func).startswith(("qt.", "ctk.")) and node.keywords:
                wrong.append(f"{path.name}:{node.lineno} {ast.unparse(node.func)}")
    assert wrong == []
