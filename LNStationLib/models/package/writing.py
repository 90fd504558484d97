"""Writing a model package, and bringing one of an older schema up to date."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from LNStationLib.models.package.container import extra_files, read_members
from LNStationLib.models.package.manifest import MANIFEST_FILE, SCHEMA_VERSION, Manifest
from LNStationLib.models.package.parts import Precision, WeightsFile
from LNStationLib.models.package.reading import MAX_MANIFEST_BYTES, read_package
from LNStationLib.support.atomic_files import atomic_file
from LNStationLib.support.errors import InputError, OutputError

if TYPE_CHECKING:
    from torch import nn

_TIME_STAMP = (2000, 1, 1, 0, 0, 0)
"""Of every file in a package, so that the same package has the same bytes."""


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
    networks: Mapping[str, nn.Module],
    manifest: Callable[[Mapping[str, WeightsFile]], Manifest[Any]],
    precision: Precision = "float16",
) -> Manifest[Any]:
    """Write networks and their card as one zip file.

    Args:
        path: New file; the folder exists.
        networks: By role, with their trained weights.
        manifest: Makes the card, given what it must say of the weights of each role.
        precision: Of floating-point weights.

    Returns:
        The card as written.

    Raises:
        OutputError: ``path`` exists, or cannot be written.
    """
    _check_new(path)
    weights = {role: weights_bytes(network, precision) for role, network in networks.items()}
    card = manifest({role: _described(role, content, precision, len(weights)) for role, content in weights.items()})
    _write(path, card, {entry.weights.file: weights[entry.role] for entry in card.networks})
    return card


def upgrade_package(path: Path, out: Path) -> Manifest[Any]:
    """Write a package of an older schema version again in today's; weights stay the same to the bit.

    Args:
        path: Folder or zip file.
        out: New zip file; the folder exists.

    Returns:
        The card as written.

    Raises:
        PackageError: The package cannot be used.
        InputError: It is of today's schema version already.
        OutputError: ``out`` exists, or cannot be written.
    """
    _check_new(out)
    package = read_package(path)
    content = json.loads(read_members(path, {MANIFEST_FILE: MAX_MANIFEST_BYTES})[MANIFEST_FILE])
    if content["schema_version"] == SCHEMA_VERSION:
        raise InputError(f"{path} is of schema version {SCHEMA_VERSION} already: use it as it is.")
    weights = {entry.weights.file: package.weights[entry.role] for entry in package.manifest.networks}
    extras = read_members(path, dict.fromkeys(extra_files(path), MAX_MANIFEST_BYTES))
    _write(out, package.manifest, weights | extras)
    return package.manifest


def write_packed(path: Path, card: Manifest[Any], weights: Mapping[str, bytes]) -> None:
    """Write a card with weights that are packed already.

    Args:
        path: New file; the folder exists.
        card: Names the file of each network's weights.
        weights: By role, the bytes whose hashes the card has.

    Raises:
        OutputError: ``path`` exists, or cannot be written.
    """
    _check_new(path)
    _write(path, card, {entry.weights.file: weights[entry.role] for entry in card.networks})


def _check_new(path: Path) -> None:
    if path.exists():
        raise OutputError(f"{path} exists already: choose another name.")


def _described(role: str, content: bytes, precision: Precision, n_networks: int) -> WeightsFile:
    return WeightsFile(
        file="weights.safetensors" if n_networks == 1 else f"{role}.safetensors",
        sha256=hashlib.sha256(content).hexdigest(),
        n_bytes=len(content),
        dtype=precision,
    )


def _write(path: Path, card: Manifest[Any], files: Mapping[str, bytes]) -> None:
    members = {MANIFEST_FILE: card.model_dump_json(indent=1).encode() + b"\n", **files}
    try:
        with atomic_file(path) as unfinished, zipfile.ZipFile(unfinished, "w", zipfile.ZIP_DEFLATED) as archive:
            for member, content in members.items():
                archive.writestr(zipfile.ZipInfo(member, _TIME_STAMP), content, zipfile.ZIP_DEFLATED)
    except OSError as error:
        raise OutputError(f"{path} could not be written: {error.strerror}.") from error
