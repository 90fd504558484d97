"""The entry for Slicer's Extensions Index passes the checks that the Index describes, and they find what is wrong."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from Testing.Tools import extensions_index as index


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The files that the checks look at."""
    names = ["CMakeLists.txt", "LNStation.json", "LICENSE", "LNStation/Resources/Icons/LNStation.png"]
    names += [str(path.relative_to(index.ROOT)) for path in (index.ROOT / "Resources" / "Screenshots").iterdir()]
    names += [str(path.relative_to(index.ROOT)) for path in (index.ROOT / "docs" / "images").iterdir()]
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(index.ROOT / name, tmp_path / name)
    return tmp_path


def change(copy: Path, **values: Any) -> None:
    """Change keys of the entry; None takes one out."""
    path = copy / "LNStation.json"
    entry = json.loads(path.read_text(encoding="utf-8")) | values
    path.write_text(json.dumps({key: value for key, value in entry.items() if value is not None}), encoding="utf-8")


def replace(copy: Path, old: str, new: str) -> None:
    path = copy / "CMakeLists.txt"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_this_repository_has_what_the_index_asks_for() -> None:
    assert index.problems() == []


def test_the_entry_says_what_the_schema_wants_of_a_new_extension() -> None:
    entry = json.loads((index.ROOT / "LNStation.json").read_text(encoding="utf-8"))
    assert (entry["category"], entry["build_dependencies"], entry["scm_revision"]) == ("Segmentation", [], "main")
    assert entry["tier"] == 1, "experimental"


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"category": None}, "category is missing"),
        ({"category": "Lymphology"}, "category is none of"),
        ({"scm_url": None}, "scm_url is missing"),
        ({"scm_url": "SlicerLNStation"}, "no address by git or https"),
        ({"scm_url": "http://example.org/SlicerLNStation"}, "no address by git or https"),
        ({"scm_url": "https://example.org/lnstation"}, "lacks the word Slicer"),
        ({"tier": 2}, "tier is none of"),
        ({"tier": "1"}, "tier is not of type int"),
        ({"enabled": 1}, "enabled is not of type bool"),
        ({"build_dependencies": "NA"}, "build_dependencies is not of type list"),
        ({"build_dependencies": ["PyTorch"]}, "the extensions needed are others"),
        ({"build_dependencies": [1]}, "not all names"),
        ({"homepage": "https://example.org"}, "homepage is not in the schema"),
        ({"scm_type": "svn"}, "scm_type is none of"),
        ({"$schema": "https://example.org/other.json"}, "does not name slicer-extension-catalog-entry-schema-v1.0.1"),
        ({"scm_revision": "release"}, "is no picture of this repository"),
    ],
)
def test_a_wrong_entry_is_found(copy: Path, values: dict[str, Any], problem: str) -> None:
    change(copy, **values)
    assert any(problem in found for found in index.problems(copy))


def test_an_entry_that_is_missing_or_cannot_be_read_is_found(copy: Path) -> None:
    path = copy / "LNStation.json"
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert index.problems(copy) == ["LNStation.json has line endings other than LF"]
    path.write_text("{", encoding="utf-8")
    assert index.problems(copy)[0].startswith("LNStation.json is not JSON")
    path.unlink()
    assert index.problems(copy) == ["LNStation.json is missing"]


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ('ICONURL "https://example.org/SlicerLNStation', 'ICONURL "${_raw}', "does not start with https"),
        ("set(EXTENSION_ICONURL", "list(APPEND EXTENSION_ICONURL", "icon is not written out"),
        ("set(EXTENSION_SCREENSHOTURLS", "list(APPEND EXTENSION_SCREENSHOTURLS", "screenshots is not written out"),
        ("Icons/LNStation.png", "Icons/Gone.png", "Gone.png is no picture of this repository"),
        ("LNStation/Resources/Icons/LNStation.png", "docs/images/report_page.png", "not of 128 x 128 pixels"),
        ("project(LNStation", "project(Stations", "no project named LNStation"),
        ('CATEGORY "Segmentation"', 'CATEGORY "Quantification"', "category is another"),
        ('HOMEPAGE "https://example.org', 'HOMEPAGE "https://www.example.org', "address is another"),
    ],
)
def test_a_wrong_cmake_file_is_found(copy: Path, old: str, new: str, problem: str) -> None:
    replace(copy, old, new)
    assert any(problem in found for found in index.problems(copy))


def test_a_repository_without_a_license_is_found(copy: Path) -> None:
    (copy / "LICENSE").unlink()
    assert index.problems(copy) == ["there is no license file"]


def test_whoever_publishes_sets_the_address_by_one_command(copy: Path) -> None:
    index.set_address("https://example.com/hospital/SlicerLNStation/", copy)
    assert index.problems(copy) == []
    texts = [(copy / name).read_text(encoding="utf-8") for name in ("CMakeLists.txt", "LNStation.json")]
    assert not any("example.org" in text for text in texts)
    assert all("https://example.com/hospital/SlicerLNStation" in text for text in texts)
