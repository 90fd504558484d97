"""Converted networks in the user's cache folder, so that a conversion is done once on a computer."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import sys
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from LNStationLib.support.atomic_files import atomic_file

log = logging.getLogger(__name__)

_FORMAT = 1
"""Raised where what is stored, or how a network is converted, changes."""
_MAX_FILES = 8
"""The networks of some packages, each 30 to 60 MB; those not used for longest go first."""
_XML, _BIN, _FACTS = "model.xml", "model.bin", "facts.json"


@dataclass(frozen=True)
class ConvertedNetwork:
    """A network in OpenVINO's own form.

    Attributes:
        xml: Its graph.
        weights: Its constants.
        dice: Of its label map with torch's, in [0, 1].
    """

    xml: bytes
    weights: bytes
    dice: float


def cache_folder() -> Path:
    """Where converted networks lie; need not exist. ``LNSTATION_DATA`` names another folder for a user's data."""
    variables = os.environ
    home = Path(variables.get("HOME") or Path.home())
    if named := variables.get("LNSTATION_DATA"):
        return Path(named) / "Cache"
    if sys.platform == "win32":
        return Path(variables.get("LOCALAPPDATA") or home / "AppData" / "Local") / "LNStation" / "Cache"
    if sys.platform == "darwin":
        return home / "Library" / "Caches" / "LNStation"
    return Path(variables.get("XDG_CACHE_HOME") or home / ".cache") / "LNStation"


def cache_key(**facts: Any) -> str:
    """Name of the file of a conversion: a hash of everything that decides its content."""
    text = json.dumps({"format": _FORMAT, **facts}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def read_converted(key: str) -> ConvertedNetwork | None:
    """A conversion kept before; ``None`` where there is none, or its file is damaged."""
    path = _path(key)
    try:
        with zipfile.ZipFile(path) as archive:
            # Reading a member compares its checksum.
            facts = json.loads(archive.read(_FACTS))
            found = ConvertedNetwork(archive.read(_XML), archive.read(_BIN), float(facts["dice"]))
        path.touch()
    except FileNotFoundError:
        return None
    except (OSError, zipfile.BadZipFile, EOFError, KeyError, ValueError, TypeError, NotImplementedError) as error:
        log.warning("the converted network %s is damaged (%s) and is made again", path, error)
        return None
    return found


def keep_converted(key: str, converted: ConvertedNetwork) -> None:
    """Store a conversion; a folder that cannot be written only costs the next start the conversion."""
    path = _path(key)
    members: Mapping[str, bytes] = {
        _FACTS: json.dumps({"dice": converted.dice}).encode(),
        _XML: converted.xml,
        _BIN: converted.weights,
    }
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_file(path) as unfinished, zipfile.ZipFile(unfinished, "w", zipfile.ZIP_STORED) as archive:
            for name, content in members.items():
                archive.writestr(name, content)
        _remove_oldest(path.parent)
    except OSError as error:
        log.warning("the converted network could not be kept in %s: %s", path.parent, error)


def _path(key: str) -> Path:
    return cache_folder() / f"network-{key}.zip"


def _remove_oldest(folder: Path) -> None:
    files = sorted(folder.glob("network-*.zip"), key=lambda path: path.stat().st_mtime, reverse=True)
    for path in files[_MAX_FILES:]:
        path.unlink(missing_ok=True)
