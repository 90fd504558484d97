"""Loading a model package: every claim of the manifest is checked before a weight is used."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from LNStationLib.models.package import version_1
from LNStationLib.models.package.container import PackageError, read_members
from LNStationLib.models.package.manifest import FORMAT, MANIFEST_FILE, SCHEMA_VERSION, Manifest
from LNStationLib.models.package.parts import NetworkEntry
from LNStationLib.models.package.sections import Section, section_model
from LNStationLib.networks.installation import check_installed
from LNStationLib.networks.registry import network_info
from LNStationLib.support.json_text import parse_json
from LNStationLib.support.sentences import first_line, quoted

if TYPE_CHECKING:
    from torch import nn

MAX_MANIFEST_BYTES = 1_000_000
"""A hundred times the largest manifest so far."""
MAX_WEIGHTS_BYTES = 1_000_000_000
"""Of all networks of a package together: five folds of a full-size nnU-Net in half precision take 0.3 GB."""
_PICKLE_STARTS = (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05", b"PK\x03\x04")
"""Pickle protocols 2 to 5, and the zip that torch puts around them."""
_HEADER_LENGTH_BYTES = 8
"""A safetensors file begins with the length of its JSON header, little-endian."""


@dataclass(frozen=True)
class ModelPackage:
    """A verified package.

    Attributes:
        path: Where it was read.
        manifest: Its card.
        weights: The bytes of every network's safetensors file by role, whose hashes agree with the manifest.
    """

    path: Path
    manifest: Manifest[Any]
    weights: Mapping[str, bytes]

    def section(self, kind: type[Section]) -> Section:
        """The section of a task.

        Raises:
            PackageError: The package was made for another task.
        """
        return section_of(self.manifest, kind)

    def network(self, role: str | None = None) -> nn.Module:
        """Build a network with its weights, in evaluation mode and single precision.

        Args:
            role: Which; ``None`` for the only one.

        Raises:
            PackageError: The network cannot be built as the manifest has it, or its weights do not fit.
            NetworksMissingError: torch, or what else networks need, is not installed.
            KeyError: The package has no network of that role, or several where ``None`` was asked for.
        """
        from LNStationLib.networks.registry import build_network, unpacked_arguments

        entry = self._entry(role)
        check_installed()
        import torch

        channels = self.manifest.section.network_input(entry.role).channels
        try:
            arguments = unpacked_arguments(entry.name, entry.arguments)
            # First without memory: a number in a damaged manifest may ask for all there is.
            with torch.device("meta"):
                planned = build_network(entry.name, arguments, channels)
        except (ValueError, TypeError, RuntimeError) as error:
            raise PackageError(f"{self.path} cannot be used: {first_line(error)}.") from error
        tensors = self._tensors(entry, planned.state_dict())
        network = build_network(entry.name, arguments, channels)
        network.load_state_dict(tensors)
        return network.eval()

    def _entry(self, role: str | None) -> NetworkEntry:
        if role is not None:
            return self.manifest.network(role)
        (entry,) = self.manifest.networks
        return entry

    def _tensors(self, entry: NetworkEntry, expected: dict[str, Any]) -> dict[str, Any]:
        import torch
        from safetensors import SafetensorError
        from safetensors.torch import load

        try:
            tensors = load(self.weights[entry.role])
        except (SafetensorError, ValueError, TypeError, KeyError) as error:
            raise PackageError(f"{self.path} is refused: {entry.weights.file} is not a safetensors file.") from error
        if set(tensors) != set(expected):
            raise PackageError(
                f"{self.path} cannot be used: its weights are not those of network {entry.name!r} with the arguments "
                f"of its {MANIFEST_FILE}."
            )
        for name, tensor in tensors.items():
            if tensor.shape != expected[name].shape:
                raise PackageError(
                    f"{self.path} cannot be used: weight {name!r} has shape {tuple(tensor.shape)} where the network "
                    f"has {tuple(expected[name].shape)}."
                )
            if tensor.is_floating_point():
                if not bool(torch.isfinite(tensor).all()):
                    raise PackageError(f"{self.path} cannot be used: weight {name!r} holds NaN or infinity.")
                tensors[name] = tensor.float()
        return tensors


def section_of(manifest: Manifest[Any], kind: type[Section]) -> Section:
    """The section of a manifest that must be of one task.

    Raises:
        PackageError: The package was made for another task.
    """
    if not isinstance(manifest.section, kind):
        raise PackageError(
            f"the model package {manifest.package_id} was made for the task {manifest.task!r}, and the task here is "
            f"{kind.task!r}: choose another package."
        )
    return manifest.section


def read_manifest(path: Path) -> Manifest[Any]:
    """Read and check the card of a package without its weights.

    Raises:
        PackageError: It is not a package, or its card is faulty.
    """
    manifest = _parse_manifest(path, read_members(path, {MANIFEST_FILE: MAX_MANIFEST_BYTES})[MANIFEST_FILE])
    read_members(path, {}, _expected(manifest))
    return manifest


def read_package(path: Path) -> ModelPackage:
    """Read and verify a package.

    Args:
        path: Folder or zip file.

    Raises:
        PackageError: It is not a package, was changed, is truncated, too large, or holds pickled weights.
    """
    manifest = read_manifest(path)
    if manifest.n_bytes > MAX_WEIGHTS_BYTES:
        raise PackageError(f"{path} is refused: its weights are larger than {MAX_WEIGHTS_BYTES / 1e6:.0f} MB.")
    # One after the other, so that a file that is not what the manifest says ends it before the next is read.
    weights = {entry.role: _verified_weights(path, entry, manifest) for entry in manifest.networks}
    return ModelPackage(path, manifest, weights)


def _expected(manifest: Manifest[Any]) -> set[str]:
    return {MANIFEST_FILE, *(entry.weights.file for entry in manifest.networks)}


def _verified_weights(path: Path, entry: NetworkEntry, manifest: Manifest[Any]) -> bytes:
    file = entry.weights.file
    content = read_members(path, {file: MAX_WEIGHTS_BYTES}, _expected(manifest))[file]
    if content.startswith(_PICKLE_STARTS):
        raise PackageError(f"{path} is refused: its weights are pickled, and pickles can run code.")
    if len(content) != entry.weights.n_bytes:
        raise PackageError(
            f"{path} is refused: {file} has {len(content)} bytes and not {entry.weights.n_bytes}; it is truncated or "
            "was replaced: fetch the package again."
        )
    if hashlib.sha256(content).hexdigest() != entry.weights.sha256:
        raise PackageError(f"{path} is refused: the hash of {file} is not the one in {MANIFEST_FILE}.")
    if not _is_safetensors(content):
        raise PackageError(f"{path} is refused: {file} is not a safetensors file.")
    return content


def _is_safetensors(content: bytes) -> bool:
    """Told before a library parses it."""
    if len(content) < _HEADER_LENGTH_BYTES:
        return False
    (header,) = struct.unpack("<Q", content[:_HEADER_LENGTH_BYTES])
    rest = content[_HEADER_LENGTH_BYTES:]
    return header <= len(rest) and rest[:header].lstrip().startswith(b"{")


def _parse_manifest(path: Path, text: bytes) -> Manifest[Any]:
    try:
        content = parse_json(text)
    except ValueError as error:
        raise PackageError(f"{path} is not a model package: its {MANIFEST_FILE} is not JSON.") from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise PackageError(f"{path} is not an LNStation model package: its {MANIFEST_FILE} does not say {FORMAT!r}.")
    try:
        manifest = _validated(content)
        for entry in manifest.networks:
            network_info(entry.name)
    except ValidationError as error:
        raise PackageError(f"{path} cannot be used: {_fault(error)}.") from error
    except ValueError as error:
        raise PackageError(f"{path} cannot be used: {error}.") from error
    return manifest


def _validated(content: dict[str, Any]) -> Manifest[Any]:
    """A manifest of any schema version and any registered task.

    Raises:
        ValueError: Version or task is not known, or what the manifest says is faulty (a ``ValidationError``).
    """
    version = content.get("schema_version")
    if version == version_1.SCHEMA_VERSION:
        return version_1.ManifestV1.model_validate(content).upgraded()
    if version != SCHEMA_VERSION:
        raise ValueError(
            f"its schema_version is '{quoted(version)}', and this version of LNStation reads "
            f"{version_1.SCHEMA_VERSION} and {SCHEMA_VERSION}; update LNStation"
        )
    try:
        section = section_model(str(content.get("task")))
    except ValueError as error:
        raise ValueError(f"it was made for an {error}; choose another package, or update LNStation") from error
    return Manifest[section].model_validate(content)  # type: ignore[valid-type]  # mypy knows no types made at run time


def _fault(error: ValidationError) -> str:
    """The first fault of a card; what a user meets most is said most plainly."""
    first = error.errors()[0]
    place = quoted(".".join(str(part) for part in first["loc"])) or "the whole"
    if "region" in first["loc"][:2] and first["type"] == "extra_forbidden":
        return f"it needs regions with {place!r}, which this version of LNStation does not know; update LNStation"
    return f"{MANIFEST_FILE}, {place}: {quoted(first['msg'])}"
