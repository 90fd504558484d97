"""Networks that stay loaded from one case, or one edit, to the next."""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from LNStationLib.models.package.container import PackageError
from LNStationLib.models.package.reading import ModelPackage, read_package
from LNStationLib.models.runtime.devices import chosen_device
from LNStationLib.support.types import Engine

MAX_WARM = 5
"""One for each step of a case: so none displaces another within one assessment."""

Loaded = TypeVar("Loaded")
_FileState = tuple[int, int]
_Key = tuple[str, tuple[_FileState, ...], str, Engine, Callable[..., Any]]
_warm: OrderedDict[_Key, Any] = OrderedDict()


def warm(path: Path, device: str, engine: Engine, load: Callable[[ModelPackage, str, Engine], Loaded]) -> Loaded:
    """What a step makes of a package, kept for the next time; read again where a file of the package changed.

    Args:
        path: Folder or zip file.
        device: "auto" or the name of a device; see ``devices.chosen_device``.
        engine: What shall run networks on a CPU.
        load: The step's own class or function: from a verified package, the device and the engine to what is kept.

    Raises:
        PackageError: The package cannot be used.
        InputError: torch is not installed, there is no such device, or the engine cannot be used.
    """
    if not path.exists():
        raise PackageError(f"there is no model package at {path}: give a folder or a zip file.")
    device = chosen_device(device)
    key: _Key = (str(path.resolve()), _state(path), device, engine, load)
    if key not in _warm:
        _warm[key] = load(read_package(path), device, engine)
    _warm.move_to_end(key)
    while len(_warm) > MAX_WARM:
        _warm.popitem(last=False)
    loaded: Loaded = _warm[key]
    return loaded


def _state(path: Path) -> tuple[_FileState, ...]:
    """Size and time of change of a package's files."""
    files = sorted(path.iterdir()) if path.is_dir() else [path]
    return tuple((status.st_size, status.st_mtime_ns) for status in map(os.stat, files))
