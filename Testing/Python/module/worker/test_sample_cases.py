"""The sample patients as Slicer's module Sample Data offers them, and the module's pictures."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import types
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from LNStationSlicer.worker import SampleCases
from PIL import Image

from LNStationLib.phantom.samples import SAMPLE_NAMES, sample_plan
from Testing.Tools import module_icons

ROOT = Path(__file__).resolve().parents[4]
ICONS = ROOT / "LNStation" / "Resources" / "Icons"


class Source:
    """A source as Slicer keeps it; compared by its text, as there."""

    def __init__(self, **fields: object) -> None:
        self.fields = fields

    def __str__(self) -> str:
        return "\n".join(f"{name}: {value}" for name, value in sorted(self.fields.items()))

    def __eq__(self, other: object) -> bool:
        return str(self) == str(other)


@pytest.fixture
def sources(monkeypatch: pytest.MonkeyPatch) -> list[Source]:
    """What is registered with a ``SampleData`` that keeps its sources as Slicer's does."""
    kept: list[Source] = []

    class SampleDataLogic:
        @staticmethod
        def registerCustomSampleDataSource(**fields: object) -> None:
            source = Source(**fields)
            if source not in kept:
                kept.append(source)

    module = types.ModuleType("SampleData")
    module.SampleDataLogic = SampleDataLogic  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "SampleData", module)
    return kept


def test_offered_patients_are_those_that_the_library_makes() -> None:
    assert tuple(case.key for case in SampleCases.sampleCases()) == SAMPLE_NAMES


@pytest.mark.parametrize("case", SampleCases.sampleCases(), ids=lambda case: case.key)
def test_description_is_true_of_the_patient(case: SampleCases.SampleCase) -> None:
    plan = sample_plan(case.key)
    assert case.description.startswith("Synthetic:")
    assert case.description.endswith("CT and PET." if plan.has_pet else "CT.")
    assert f"tumor of the {plan.tumor.site}" in case.description
    named = set(re.findall(r"\b\d+[LR]?\b", case.description))
    assert named == {node.station for node in plan.nodes if node.malignant}


def test_each_patient_gets_a_button_with_its_thumbnail(sources: list[Source]) -> None:
    SampleCases.registerSampleCases(ICONS, lambda key: None)
    assert len(sources) == len(SAMPLE_NAMES)
    assert {source.fields["category"] for source in sources} == {"LNStation"}
    assert all(Path(str(source.fields["thumbnailFileName"])).is_file() for source in sources)


def test_nothing_is_downloaded(sources: list[Source]) -> None:
    SampleCases.registerSampleCases(ICONS, lambda key: None)
    assert all(str(source.fields["uris"]).startswith("lnstation:") for source in sources)
    assert all(callable(source.fields["customDownloader"]) for source in sources)


def test_registering_again_adds_no_second_button(sources: list[Source]) -> None:
    for _ in range(2):
        SampleCases.registerSampleCases(ICONS, lambda key: None)
    assert len(sources) == len(SAMPLE_NAMES)


def test_a_pressed_button_opens_its_patient(sources: list[Source]) -> None:
    opened: list[str] = []
    SampleCases.registerSampleCases(ICONS, opened.append)
    for source in sources:
        assert source.fields["customDownloader"](source) == []  # type: ignore[operator]
    assert tuple(opened) == SAMPLE_NAMES


def test_a_failure_behind_the_button_is_logged(sources: list[Source], caplog: pytest.LogCaptureFixture) -> None:
    def fail(key: str) -> None:
        raise RuntimeError("no worker")

    SampleCases.registerSampleCases(ICONS, fail)
    assert sources[0].fields["customDownloader"](None) == []  # type: ignore[operator]
    assert "lung-n2 could not be opened" in caplog.text


def test_files_of_a_case_folder_are_found(tmp_path: Path) -> None:
    (tmp_path / "organs").mkdir()
    for name in ("ct", "tumor", "organs/aorta", "organs/trachea"):
        (tmp_path / f"{name}.nii.gz").write_bytes(b"")
    facts = {"ct": "ct.nii.gz", "tumor": "tumor.nii.gz", "organs": "organs", "cancer": "esophagus"}
    (tmp_path / "case.json").write_text(json.dumps(facts))
    files = SampleCases.sampleFiles(tmp_path)
    assert (files.ct.name, files.pet, files.nodes) == ("ct.nii.gz", None, None)
    assert {name: path.name for name, path in files.organs.items()} == {
        "aorta": "aorta.nii.gz",
        "trachea": "trachea.nii.gz",
    }
    assert files.facts["cancer"] == "esophagus"


def test_a_folder_without_a_ct_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "case.json").write_text("{}")
    with pytest.raises(FileNotFoundError, match="holds no CT"):
        SampleCases.sampleFiles(tmp_path)


# Pictures


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The icons rendered anew, by a process that knows nothing of the Slicer host."""
    folder = tmp_path_factory.mktemp("icons")
    code = (
        "import sys, pathlib; from Testing.Tools import module_icons as m; m.write_icons(pathlib.Path(sys.argv[1]))"
    )
    subprocess.run([sys.executable, "-c", code, str(folder)], cwd=ROOT, check=True, timeout=60)
    return folder


@pytest.mark.skipif(find_spec("PySide6") is None, reason="PySide6, which renders the drawings, is not installed")
@pytest.mark.parametrize("drawing", sorted(ICONS.glob("*.svg")), ids=lambda path: path.stem)
def test_icon_is_what_its_drawing_says(drawing: Path, request: pytest.FixtureRequest) -> None:
    size = module_icons.SIZE_OF.get(drawing.stem, 32)
    kept, fresh = (
        np.asarray(Image.open(folder / f"{drawing.stem}.png").convert("RGBA"), dtype=int)
        for folder in (ICONS, request.getfixturevalue("drawn"))
    )
    assert kept.shape == (size, size, 4)
    assert np.abs(fresh - kept).mean() < 2


def test_module_icon_has_the_size_that_catalogs_want() -> None:
    assert Image.open(ICONS / "LNStation.png").size == (128, 128)


@pytest.mark.parametrize("name", SAMPLE_NAMES)
def test_thumbnails_are_small_pictures_with_content(name: str) -> None:
    path = ICONS / f"Sample-{name}.png"
    picture = np.asarray(Image.open(path).convert("RGB"), dtype=float)
    assert picture.shape == (module_icons.THUMBNAIL_SIZE[1], module_icons.THUMBNAIL_SIZE[0], 3)
    assert path.stat().st_size < 60_000
    assert picture.std() > 30
