"""Whether the optional packages of learned models are there, asked without importing them."""

from __future__ import annotations

import importlib.util

from LNStationLib.support.errors import InputError
from LNStationLib.support.resources import resource_path

_REQUIREMENTS = ("Worker", "requirements-networks.txt")


class NetworksMissingError(InputError):
    """Packages that learned models need are not installed; the message says how to install them."""


def requirements() -> list[str]:
    """The pinned packages of the group ``networks``, e.g. ``"torch==2.13.0"``."""
    text = resource_path(*_REQUIREMENTS).read_text(encoding="utf-8")
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def missing_packages() -> list[str]:
    """Names of those that cannot be imported here; none where learned models can run."""
    names = [line.partition("==")[0] for line in requirements()]
    return [name for name in names if importlib.util.find_spec(name) is None]


def how_to_install() -> str:
    """The remedy, in words that end a sentence."""
    return f"run python -m pip install {' '.join(requirements())}, or in Slicer install learned models from the panel"


def check_installed() -> None:
    """Make sure that networks can be built.

    Raises:
        NetworksMissingError: A package is missing.
    """
    missing = missing_packages()
    if missing:
        verb = "is" if len(missing) == 1 else "are"
        raise NetworksMissingError(
            f"learned models need {', '.join(missing)}, which {verb} not installed: {how_to_install()}."
        )
