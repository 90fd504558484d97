"""Writing a model package."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from LNStationLib.models.package.manifest import MANIFEST_FILE, WEIGHTS_FILE, Manifest, WeightsFile
from LNStationLib.support.atomic_files import atomic_file
from LNStationLib.support.errors import OutputError

if TYPE_CHECKING:
    from torch import nn

Precision = Literal["float16", "bfloat16", "float32"]


def weights_bytes(network: nn.Module, precision: Precision = "float16") -> bytes:
    """The weights as safetensors; floating-point tensors in ``precision``, counters as they are."""
    import torch
    from safetensors.torch import save

    dtype = getattr(torch, precision)
    return save(
        {
            name: (tensor.to(dtype) if tensor.is_floating_point() else tensor).contiguous().cpu()
            for name, tensor in network.state_dict().items()
        }
    )


def write_package(
    path: Path,
    network: nn.Module,
    manifest: Callable[[WeightsFile], Manifest],
    precision: Precision = "float16",
) -> Manifest:
    """Write a network and its card as one zip file.

    Args:
        path: New file; the folder exists.
        network: With its trained weights.
        manifest: Makes the card, given what it must say of the weights.
        precision: Of floating-point weights.

    Returns:
        The card as written.

    Raises:
        OutputError: ``path`` exists, or cannot be written.
    """
    if path.exists():
        raise OutputError(f"{path} exists already: choose another name.")
    weights = weights_bytes(network, precision)
    card = manifest(WeightsFile(sha256=hashlib.sha256(weights).hexdigest(), n_bytes=len(weights), dtype=precision))
    try:
        _write_zip(path, {MANIFEST_FILE: card.model_dump_json(indent=1).encode() + b"\n", WEIGHTS_FILE: weights})
    except OSError as error:
        raise OutputError(f"{path} could not be written: {error.strerror}.") from error
    return card


def _write_zip(path: Path, members: dict[str, bytes]) -> None:
    """Write with a fixed time stamp, so that the same package has the same bytes."""
    with atomic_file(path) as unfinished, zipfile.ZipFile(unfinished, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, content in members.items():
            archive.writestr(zipfile.ZipInfo(member, (2000, 1, 1, 0, 0, 0)), content, zipfile.ZIP_DEFLATED)
