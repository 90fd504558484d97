"""Paths that a user or a file names, which no file system need be able to have."""

from __future__ import annotations

from pathlib import Path


def is_there(path: Path) -> bool:
    """Whether there is such a file or folder; a name that no file can have is not there."""
    try:
        return path.exists()
    except (OSError, ValueError):
        return False
