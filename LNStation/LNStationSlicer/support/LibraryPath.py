"""Where LNStationLib lies, and how it gets on the path that Python searches.

Slicer puts only the module's own folder on the path. An installed extension has LNStationLib in that folder
(``LNStation/CMakeLists.txt`` puts it there). In a source tree the module's folder is ``LNStation/`` and the library
lies one floor up, beside ``pyproject.toml``: there, and only there, this file adds the folder.
"""

from __future__ import annotations

import sys
from pathlib import Path

MODULE_FOLDER = Path(__file__).resolve().parents[2]
"""The folder with ``LNStation.py``."""

_LIBRARY = Path("LNStationLib") / "__init__.py"


def isSourceTree(folder: Path) -> bool:
    """True where ``folder`` is the root of LNStation's sources."""
    return (folder / _LIBRARY).is_file() and (folder / "pyproject.toml").is_file()


def libraryRoot(moduleFolder: Path = MODULE_FOLDER) -> Path:
    """The folder that holds LNStationLib.

    Args:
        moduleFolder: The folder with ``LNStation.py``.

    Raises:
        ImportError: It is neither in the module's folder nor one floor above it in a source tree.
    """
    if (moduleFolder / _LIBRARY).is_file():
        return moduleFolder
    if isSourceTree(moduleFolder.parent):
        return moduleFolder.parent
    raise ImportError(
        f"LNStationLib is not in {moduleFolder}: install the LNStation extension again, "
        "or add the folder LNStation of its complete source tree as module path."
    )


def ensureLibraryOnPath(moduleFolder: Path = MODULE_FOLDER) -> Path:
    """Make ``import LNStationLib`` find the library that belongs to this module; return the folder that holds it.

    Raises:
        ImportError: The library is not where it should be.
    """
    root = libraryRoot(moduleFolder)
    if str(root) not in sys.path:
        sys.path.insert(0, str(root))
    return root
