"""Where a user's large files go."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path


def userDataFolder(environment: Mapping[str, str] | None = None) -> Path:
    """Where a program keeps large data of one user on this computer: never on a roaming profile.

    Args:
        environment: The variables to look in; by default this process's. ``LNSTATION_DATA`` names another folder.
    """
    variables = os.environ if environment is None else environment
    home = Path(variables.get("HOME") or Path.home())
    if named := variables.get("LNSTATION_DATA"):
        return Path(named)
    if sys.platform == "win32":
        return Path(variables.get("LOCALAPPDATA") or home / "AppData" / "Local") / "LNStation"
    if sys.platform == "darwin":
        return home / "Library" / "Application Support" / "LNStation"
    return Path(variables.get("XDG_DATA_HOME") or home / ".local" / "share") / "LNStation"
