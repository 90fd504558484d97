"""Where ``Resources`` lies: in a source tree, in an installed extension and in a wheel. Standard library only."""

from __future__ import annotations

from pathlib import Path

# Source tree and extension: beside the package (the extension's CMake lists put it there).
# Wheel: inside the package, put there by the build.
_PACKAGE = Path(__file__).resolve().parents[1]
_CANDIDATES = (_PACKAGE.parent / "Resources", _PACKAGE / "Resources", _PACKAGE.parent / "LNStationResources")


def resource_path(*parts: str) -> Path:
    """Path of a file or folder under ``Resources``.

    Raises:
        FileNotFoundError: It is in none of the places where ``Resources`` may lie.
    """
    for root in _CANDIDATES:
        path = root.joinpath(*parts)
        if path.exists():
            return path
    raise FileNotFoundError(f"Resources/{'/'.join(parts)} not found beside {_PACKAGE}")
