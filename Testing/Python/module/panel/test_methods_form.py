"""The panel's controls of methods and options come from what the worker tells, and from nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import slicer_host

if _reason := slicer_host.why_unavailable():
    pytest.skip(_reason, allow_module_level=True)
slicer = slicer_host.start()

from module.panel.test_model_picker import card  # noqa: E402
from module.panel_driver import PanelDriver, opened_panel  # noqa: E402

from LNStationLib.assessment.methods import described, options_of  # noqa: E402
from LNStationLib.state.method import MethodOptions, option  # noqa: E402


class ToyOptions(MethodOptions):
    """One option of every kind."""

    level: float = option(2.0, "How much.", title="Level", unit="ml", gt=0, le=9)
    part: float | None = option(None, "Which part.", title="Part", gt=0, lt=1, width="expert")
    rounds: int = option(3, "How often.", title="Rounds", ge=1)
    twice: bool = option(False, "Whether twice.", title="Twice", width="expert")
    word: str | None = option(None, "Any word.", title="Word")


def toy(task: str | None = None) -> dict[str, Any]:
    """A method as the worker would describe it."""
    return {
        "name": "toy", "title": "Toy method", "needs": [], "references": [], "package_task": task,
        "options": options_of(ToyOptions) if task is None else [],
    }  # fmt: skip


@pytest.fixture
def toys(tmp_path: Path) -> Iterator[PanelDriver]:
    """A worker with a toy method for each step, and one for nodes that uses packages of a toy task."""
    steps = described()
    for step in steps:
        step["methods"].append(toy())
    next(step for step in steps if step["step"] == "nodes")["methods"].append(
        {**toy("toy_task"), "name": "toy_network", "title": "Toy network"}
    )
    with opened_panel(tmp_path) as made:
        (made.worker.folder / "methods.json").write_text(json.dumps({"steps": steps}), encoding="utf-8")
        made.worker.offer(card(tmp_path), card(tmp_path, "finder", task="toy_task", operating_points=[]))
        made.choose_ct()
        made.wait(lambda: made.logic.models.isAnswered, "the packages")
        slicer.app.processEvents()
        yield made
        made.logic.models.setFolders([])


def titles(combo: Any) -> list[str]:
    return [combo.itemText(index) for index in range(combo.count)]


def form(panel: PanelDriver) -> Any:
    return panel.widget.assessing.methods


def chooser(panel: PanelDriver, step: str) -> Any:
    """The control of a step's method; a step with a method that takes packages has a picker of both in one."""
    pickers = panel.widget.assessing.models.pickers
    return pickers[step].widgets.combo if step in pickers else form(panel).combo(step)


def shown(panel: PanelDriver, step: str, name: str, method: str | None = None) -> bool:
    return not form(panel).field(step, name, method).widget.isHidden()


def test_before_the_worker_is_asked_the_controls_are_those_of_the_library(panel: PanelDriver) -> None:
    assert panel.worker.requests() == []
    picker = panel.widget.assessing.models.pickers["organs"]
    assert titles(picker.widgets.combo)[1:] == ["Supplied masks and image", "TotalSegmentator, then image"]
    automatic, *others = titles(chooser(panel, "nodes"))
    assert automatic.startswith("automatic (Supplied masks, else PET above a threshold, else Node network")
    assert others[0] == "Supplied masks"
    rules = panel.field("staging", "rules")
    assert titles(rules) == ["TNM 8", "TNM 9", "PET/CT paper"]
    assert rules.currentText == "TNM 8"


def test_only_options_of_methods_that_may_run_are_shown(panel: PanelDriver) -> None:
    panel.choose_ct()
    assert shown(panel, "nodes", "suv_threshold"), "the automatic choice may take PET"
    assert not shown(panel, "metastasis", "operating_point"), "of a network only"
    combo = chooser(panel, "nodes")
    combo.currentIndex = combo.findData("none")
    assert not shown(panel, "nodes", "suv_threshold")
    assert panel.logic.caseSettings().method("nodes") == "none"
    combo.currentIndex = 0
    assert panel.logic.caseSettings().method("nodes") is None
    assert shown(panel, "nodes", "suv_threshold")


def test_a_method_that_the_worker_knows_is_offered_for_its_step_with_its_options(toys: PanelDriver) -> None:
    for step in ("organs", "stations", "nodes", "metastasis", "staging"):
        combo = chooser(toys, step)
        combo.currentIndex = combo.findData("toy")
        assert combo.currentText == "Toy method"
    values = {"level": 4.5, "part": 0.25, "rounds": 7, "twice": True, "word": "yes"}
    for name, value in values.items():
        widget = form(toys).field("organs", name, "toy").widget
        assert shown(toys, "organs", name, "toy")
        if name == "word":
            widget.text = value
            widget.editingFinished.emit()
        else:
            setattr(widget, "checked" if name == "twice" else "value", value)
    toys.assess()
    sent = toys.worker.last_params("assess")["settings"]
    assert {step: sent[step]["method"] for step in sent if step != "working_spacing_mm"} == dict.fromkeys(
        ("organs", "stations", "nodes", "metastasis", "staging"), "toy"
    )
    assert sent["organs"]["options"]["toy"] == pytest.approx(values)
    assert ToyOptions(**sent["organs"]["options"]["toy"])


def test_a_number_that_is_not_set_is_none_and_says_so(toys: PanelDriver) -> None:
    field = form(toys).field("organs", "part", "toy")
    assert (field.value(), field.widget.text) == (None, "not set")
    field.show(0.41)
    assert field.value() == pytest.approx(0.41)
    level = form(toys).field("organs", "level", "toy").widget
    assert (level.minimum, level.maximum, level.suffix) == (pytest.approx(0.1), 9.0, " ml")


def test_a_step_with_packages_has_a_picker_and_each_offers_packages_of_its_task_only(toys: PanelDriver) -> None:
    nodes = toys.widget.assessing.models.pickers["nodes"].widgets
    assert "Model finder 1 (synthetic training)" in titles(nodes.combo)
    assert "Model tiny 1 (synthetic training)" not in titles(nodes.combo)
    assert titles(toys.picker.combo)[-1] == "Model tiny 1 (synthetic training)"
    nodes.combo.currentIndex = titles(nodes.combo).index("Model finder 1 (synthetic training)")
    slicer.app.processEvents()
    assert "<b>Model finder</b>" in nodes.cardLabel.text
    assert not toys.picker.cardGroup.visible
    toys.assess()
    sent = toys.worker.last_params("assess")["settings"]["nodes"]
    assert sent["method"] == "toy_network"
    assert sent["options"]["toy_network"]["model"] == toys.logic.models.cards[1]["path"]


def test_the_panel_knows_no_method_by_name() -> None:
    root = Path(__file__).resolve().parents[4]
    names = {method["name"] for step in described() for method in step["methods"]} - {"none", "supplied", "lung"}
    names |= {"sa_moe"}
    names -= {"esophagus", "network"}  # a cancer, and a source of organs, too
    texts = {path: path.read_text("utf-8") for path in (root / "LNStation").rglob("*.py")}
    found = [f"{path.name}: {name}" for path, text in texts.items() for name in names if f'"{name}"' in text]
    assert found == []


def test_the_working_voxel_of_a_new_case_is_the_librarys() -> None:
    from LNStationSlicer.case import CaseSettings

    from LNStationLib.state.settings import Settings

    assert Settings().working_spacing_mm == CaseSettings._DEFAULT_SPACING_MM


def test_a_network_for_the_organs_brings_its_picker_and_says_what_is_missing(tmp_path: Path) -> None:
    steps = described()
    need = {"name": "networks", "title": "installed package for networks"}
    organs = next(step for step in steps if step["step"] == "organs")["methods"]
    organs[:] = [one for one in organs if one["name"] != "network"]
    organs.insert(0, {**toy("organ_segmentation"), "name": "network", "title": "Network", "needs": [need]})
    with opened_panel(tmp_path) as made:
        (made.worker.folder / "methods.json").write_text(json.dumps({"steps": steps}), encoding="utf-8")
        made.worker.offer(
            card(tmp_path, "organs-ct", task="organ_segmentation", operating_points=[]), missing=["monai"]
        )
        made.choose_ct()
        made.wait(lambda: made.logic.models.isAnswered, "the packages")
        slicer.app.processEvents()
        widgets = made.widget.assessing.models.pickers["organs"].widgets
        automatic = "automatic (Network, else Supplied masks and image)"
        assert titles(widgets.combo)[:3] == [automatic, "Supplied masks and image", "TotalSegmentator, then image"]
        assert titles(widgets.combo)[3].startswith("Model organs-ct")
        assert "organs" not in form(made)._combos
        assert "does without 'Network', which needs monai: " in widgets.noteLabel.text
        assert made.widget.assessing.models.obstacle() == ""
        widgets.combo.currentIndex = 3
        slicer.app.processEvents()
        assert made.logic.caseSettings().method("organs") == "network"
        assert made.widget.assessing.models.obstacle().startswith("Learned models need monai")
        made.logic.models.setFolders([])
