"""What Slicer's Extensions Index asks of an extension, checked here before it is handed in.

    python -m Testing.Tools.extensions_index              # what is wrong; nothing where all is well
    python -m Testing.Tools.extensions_index ADDRESS      # set the repository's address first

The checks are those that the Index's ``scripts/check_description_files.py`` describes, on version 1.0.1 of the schema
of an entry (``slicer-extension-catalog-entry-schema-v1.0.1.json`` in Slicer's repository). Only what must be asked of
a server is left to it: that the repository can be cloned, that the addresses answer, and the topic of the repository.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
NAME = "LNStation"
SCHEMA = "slicer-extension-catalog-entry-schema-v1.0.1.json"

TYPES: dict[str, type] = {
    "$schema": str,
    "category": str,
    "scm_url": str,
    "scm_revision": str,
    "scm_type": str,
    "build_dependencies": list,
    "build_subdirectory": str,
    "enabled": bool,
    "tier": int,
}
"""Every key that the schema knows, with its type; no other is allowed."""

REQUIRED = ("$schema", "category", "scm_url")
CHOICES: dict[str, tuple[object, ...]] = {"scm_type": ("git", "local"), "tier": (1, 3, 5)}
CATEGORIES = ("Analysis", "Nuclear Medicine", "Quantification", "Radiotherapy", "Segmentation")
"""Those of the Index's accepted categories that could suit LNStation."""

SCHEMES = ("git", "https")
LICENSES = ("LICENSE", "LICENCE", "License.txt", "license.txt", "LICENSE.txt", "COPYING", "COPYING.txt")
PICTURES = (".png", ".jpg", ".jpeg", ".gif")
ICON_PX = 128
_ICON = r'set\s*\(EXTENSION_ICONURL\s*"([^"]+)"[ ]*\)'
_SCREENSHOTS = r'set\s*\(EXTENSION_SCREENSHOTURLS\s*"([^"]+)"\)'


def problems(root: Path = ROOT) -> list[str]:
    """What the Index would refuse, one sentence each.

    Args:
        root: The folder of the repository.
    """
    path = root / f"{NAME}.json"
    if not path.is_file():
        return [f"{path.name} is missing"]
    text = path.read_bytes().decode("utf-8")
    try:
        entry = json.loads(text)
    except ValueError as error:
        return [f"{path.name} is not JSON: {error}"]
    found = [f"{path.name} has line endings other than LF"] if "\r" in text else []
    checks: tuple[Callable[[Path, dict[str, Any]], Iterator[str]], ...] = (
        _against_schema,
        _source,
        _cmake,
        _pictures,
        _license,
    )
    return found + [problem for check in checks for problem in check(root, entry)]


def _against_schema(root: Path, entry: dict[str, Any]) -> Iterator[str]:
    yield from (f"{key} is missing" for key in REQUIRED if key not in entry)
    yield from (f"{key} is not in the schema" for key in entry if key not in TYPES)
    for key, kind in TYPES.items():
        # bool is an int to Python and not to JSON.
        if key in entry and type(entry[key]) is not kind:
            yield f"{key} is not of type {kind.__name__}"
        elif key in CHOICES and key in entry and entry[key] not in CHOICES[key]:
            yield f"{key} is none of {CHOICES[key]}"
    if SCHEMA not in str(entry.get("$schema", "")):
        yield f"$schema does not name {SCHEMA}"
    if not all(isinstance(name, str) for name in entry.get("build_dependencies", [])):
        yield "build_dependencies are not all names"


def _source(root: Path, entry: dict[str, Any]) -> Iterator[str]:
    if entry.get("category") not in CATEGORIES:
        yield f"category is none of {CATEGORIES}"
    address = urlsplit(str(entry.get("scm_url", "")))
    if address.scheme not in SCHEMES or not address.netloc:
        yield f"scm_url is no address by {' or '.join(SCHEMES)}"
    if "slicer" not in Path(address.path).stem.lower():
        yield "the repository's name lacks the word Slicer"


def _cmake(root: Path, entry: dict[str, Any]) -> Iterator[str]:
    text = (root / "CMakeLists.txt").read_text(encoding="utf-8")
    project = re.search(r"project\s*\(\s*([^\s)]+)", text, re.IGNORECASE)
    if project is None or project.group(1).strip("\"'") != NAME:
        yield f"CMakeLists.txt has no project named {NAME}"
    if NAME.lower().startswith("slicer"):
        yield "the extension's name begins with Slicer"
    if _literal(text, "CATEGORY") != entry.get("category"):
        yield "the category is another in CMakeLists.txt"
    if _literal(text, "HOMEPAGE") != entry.get("scm_url"):
        yield "the repository's address is another in CMakeLists.txt"
    depends = _literal(text, "DEPENDS") or ""
    if [name for name in depends.split() if name != "NA"] != entry.get("build_dependencies", []):
        yield "the extensions needed are others in CMakeLists.txt"


def _literal(text: str, name: str) -> str | None:
    found = re.search(rf'set\s*\(EXTENSION_{name}\s+"([^"$]*)"\s*\)', text)
    return found.group(1) if found else None


def _pictures(root: Path, entry: dict[str, Any]) -> Iterator[str]:
    text = (root / "CMakeLists.txt").read_text(encoding="utf-8")
    for name, pattern in (("icon", _ICON), ("screenshots", _SCREENSHOTS)):
        found = re.search(pattern, text, re.IGNORECASE)
        if found is None:
            yield f"the address of the {name} is not written out in CMakeLists.txt"
            continue
        for address in found.group(1).split():
            yield from _picture(root, address, f"{entry.get('scm_url')}/raw/{entry.get('scm_revision')}/", name)


def _picture(root: Path, address: str, start: str, name: str) -> Iterator[str]:
    file = root / address.removeprefix(start)
    if not address.startswith("https://"):
        yield f"{address} does not start with https"
    elif not address.startswith(start) or not file.is_file() or file.suffix.lower() not in PICTURES:
        yield f"{address} is no picture of this repository"
    elif name == "icon" and Image.open(file).size != (ICON_PX, ICON_PX):
        yield f"{address} is not of {ICON_PX} x {ICON_PX} pixels"


def _license(root: Path, entry: dict[str, Any]) -> Iterator[str]:
    if not any((root / name).is_file() for name in LICENSES):
        yield "there is no license file"


def set_address(address: str, root: Path = ROOT) -> None:
    """Write the repository's address where it stands, in place of the one that is there.

    Args:
        address: As ``https://host/owner/SlicerLNStation``.
        root: The folder of the repository.
    """
    before = json.loads((root / f"{NAME}.json").read_text(encoding="utf-8"))["scm_url"]
    for name in (f"{NAME}.json", "CMakeLists.txt"):
        path = root / name
        text = path.read_text(encoding="utf-8").replace(before, address.rstrip("/"))
        path.write_text(text, encoding="utf-8", newline="\n")


def main() -> int:
    """Run from the command line; return the number of problems."""
    parser = argparse.ArgumentParser(description="Check what Slicer's Extensions Index asks for.")
    parser.add_argument("address", nargs="?", help="the repository's address, to be set first")
    address = parser.parse_args().address
    if address:
        set_address(address)
    found = problems()
    for problem in found:
        print(problem)
    return len(found)


if __name__ == "__main__":
    sys.exit(main())
