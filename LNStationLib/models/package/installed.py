"""Whether a computer has what a method with a network needs: a package for its task, and the learned models."""

from __future__ import annotations

import os

from LNStationLib.models.package.folders import find_package
from LNStationLib.networks.installation import missing_packages
from LNStationLib.support.errors import InputError


def is_installed(task: str, switch: str) -> bool:
    """Whether a package of a task, shipped or the user's, and what runs it are there and wanted.

    Args:
        task: Of the package.
        switch: Environment variable that rules the network out where it is set, as on machines too slow for it.
    """
    if os.environ.get(switch) or missing_packages():
        return False
    try:
        find_package(None, task)
    except InputError:
        return False
    return True
