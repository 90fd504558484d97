"""Devices that networks can run on."""

from __future__ import annotations

import importlib.util
import re
from dataclasses import dataclass

from LNStationLib.networks.installation import check_installed
from LNStationLib.support.errors import InputError

_DEVICE = re.compile(r"(cpu|mps|cuda(:\d+)?)")


@dataclass(frozen=True)
class Accelerator:
    """A device beside the CPU: its name in settings, and its title for people."""

    name: str
    title: str


def accelerators() -> list[Accelerator]:
    """Devices of torch beside the CPU; none, and torch not imported, where it is not installed."""
    if importlib.util.find_spec("torch") is None:
        return []
    import torch

    found = [
        Accelerator(f"cuda:{index}", torch.cuda.get_device_name(index)) for index in range(torch.cuda.device_count())
    ]
    if torch.backends.mps.is_available():
        found.append(Accelerator("mps", "Apple GPU"))
    return found


def chosen_device(wanted: str) -> str:
    """The device to run on.

    Args:
        wanted: "auto" (CUDA where there is one, else the CPU), "cpu", "cuda", "cuda:N" or "mps".

    Raises:
        NetworksMissingError: torch is not installed.
        InputError: There is no such device.
    """
    check_installed()
    import torch

    if wanted == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    name, _, number = wanted.partition(":")
    available = {
        "cpu": True,
        "cuda": int(number or 0) < torch.cuda.device_count() if number.isdigit() or not number else False,
        "mps": torch.backends.mps.is_available(),
    }
    if not _DEVICE.fullmatch(wanted) or not available[name]:
        raise InputError(f"the device {wanted!r} is not available on this computer: choose cpu or auto.")
    return wanted
