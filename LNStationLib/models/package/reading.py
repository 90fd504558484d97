"""Loading a model package: every claim of the manifest is checked before a weight is used."""

from __future__ import annotations

import hashlib
import json
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from LNStationLib.models.package.container import (
    MAX_MANIFEST_BYTES,
    MAX_WEIGHTS_BYTES,
    PackageError,
    read_members,
)
from LNStationLib.models.package.manifest import FORMAT, MANIFEST_FILE, TASK, WEIGHTS_FILE, Manifest
from LNStationLib.networks.installation import check_installed
from LNStationLib.networks.registry import network_info

if TYPE_CHECKING:
    from torch import nn

__all__ = ["ModelPackage", "PackageError", "read_manifest", "read_package"]

_PICKLE_STARTS = (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05", b"PK\x03\x04")


@dataclass(frozen=True)
class ModelPackage:
    """A verified package.

    Attributes:
        path: Where it was read.
        manifest: Its card.
        weights: The bytes of its safetensors file, whose hash agrees with the manifest.
    """

    path: Path
    manifest: Manifest
    weights: bytes

    def network(self) -> nn.Module:
        """Build the network with its weights, in evaluation mode and single precision.

        Raises:
            PackageError: The network cannot be built as the manifest has it, or its weights do not fit.
            NetworksMissingError: torch, or what else networks need, is not installed.
        """
        from LNStationLib.networks.registry import build_network

        check_installed()
        choice = self.manifest.network
        try:
            network = build_network(choice.name, choice.arguments)
        except (ValueError, TypeError, RuntimeError) as error:
            raise PackageError(f"{self.path} cannot be used: {error}.") from error
        network.load_state_dict(self._tensors(network.state_dict()))
        return network.eval()

    def _tensors(self, expected: dict[str, Any]) -> dict[str, Any]:
        import torch
        from safetensors.torch import load

        tensors = load(self.weights)
        if set(tensors) != set(expected):
            raise PackageError(
                f"{self.path} cannot be used: its weights are not those of network "
                f"{self.manifest.network.name!r} with the arguments of its {MANIFEST_FILE}."
            )
        for name, tensor in tensors.items():
            if tensor.shape != expected[name].shape:
                raise PackageError(
                    f"{self.path} cannot be used: weight {name!r} has shape {tuple(tensor.shape)} where the network "
                    f"has {tuple(expected[name].shape)}."
                )
            if tensor.is_floating_point():
                if not bool(torch.isfinite(tensor).all()):
                    raise PackageError(
                        f"{self.path} cannot be used: weight {name!r} holds values that are no numbers."
                    )
                tensors[name] = tensor.float()
        return tensors


def read_manifest(path: Path) -> Manifest:
    """Read and check the card of a package without its weights.

    Raises:
        PackageError: It is no package, or its card is faulty.
    """
    return _parse_manifest(path, read_members(path, _limits(), only=(MANIFEST_FILE,)))


def read_package(path: Path) -> ModelPackage:
    """Read and verify a package.

    Args:
        path: Folder or zip file.

    Raises:
        PackageError: It is no package, was changed, is truncated, too large, or holds pickled weights.
    """
    members = read_members(path, _limits())
    manifest = _parse_manifest(path, members)
    weights = members[WEIGHTS_FILE]
    if weights.startswith(_PICKLE_STARTS):
        raise PackageError(f"{path} is refused: its weights are pickled, and pickles can run code.")
    if len(weights) != manifest.weights.n_bytes:
        raise PackageError(
            f"{path} is refused: {WEIGHTS_FILE} has {len(weights)} bytes and not {manifest.weights.n_bytes}; "
            "it is truncated or was replaced: fetch the package again."
        )
    if hashlib.sha256(weights).hexdigest() != manifest.weights.sha256:
        raise PackageError(f"{path} is refused: the hash of {WEIGHTS_FILE} is not the one in {MANIFEST_FILE}.")
    _check_safetensors(path, weights)
    return ModelPackage(path, manifest, weights)


def _limits() -> dict[str, int]:
    return {MANIFEST_FILE: MAX_MANIFEST_BYTES, WEIGHTS_FILE: MAX_WEIGHTS_BYTES}


def _parse_manifest(path: Path, members: dict[str, bytes]) -> Manifest:
    try:
        content = json.loads(members[MANIFEST_FILE])
    except (ValueError, RecursionError) as error:
        raise PackageError(f"{path} is no model package: its {MANIFEST_FILE} is not JSON.") from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise PackageError(f"{path} is no LNStation model package: its {MANIFEST_FILE} does not say {FORMAT!r}.")
    try:
        manifest = Manifest.model_validate(content)
    except ValidationError as error:
        raise PackageError(f"{path} cannot be used: {_fault(content, error)}.") from error
    try:
        network_info(manifest.network.name)
    except ValueError as error:
        raise PackageError(f"{path} cannot be used: {error}.") from error
    return manifest


def _fault(content: dict[str, Any], error: ValidationError) -> str:
    """The first fault of a card in words; what a user meets most is said most plainly."""
    if content.get("task", TASK) != TASK:
        return f"it was made for the task {content['task']!r}, and the task here is {TASK!r}; choose another package"
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"]) or "the whole"
    if first["loc"][:1] == ("region",) and first["type"] == "extra_forbidden":
        return f"it needs regions with {place!r}, which this version of LNStation does not know; update LNStation"
    return f"{MANIFEST_FILE}, {place}: {first['msg']}"


def _check_safetensors(path: Path, weights: bytes) -> None:
    """Refuse what is no safetensors file, before a library parses it."""
    if len(weights) < 8:
        raise PackageError(f"{path} is refused: {WEIGHTS_FILE} is no safetensors file.")
    (header,) = struct.unpack("<Q", weights[:8])
    if header > len(weights) - 8 or not weights[8 : 8 + header].lstrip().startswith(b"{"):
        raise PackageError(f"{path} is refused: {WEIGHTS_FILE} is no safetensors file.")
