"""A model package of weights that were trained elsewhere: safetensors, and a YAML file that says what they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from lnstation_training.engine.experiment_files import first_fault
from lnstation_training.engine.yaml_text import parse_yaml
from LNStationLib import __version__
from LNStationLib.models.package import (
    CohortSummary,
    Manifest,
    Metric,
    NetworkEntry,
    TaskSection,
    WeightsFile,
    write_package,
)
from LNStationLib.models.package.parts import Precision
from LNStationLib.models.package.sections import section_model
from LNStationLib.networks.registry import build_network, packed_arguments
from LNStationLib.support.errors import InputError
from LNStationLib.support.sentences import first_line, on_one_line


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class OutputCut(_Strict):
    """Weights trained for more outputs than the package has: only the first are kept.

    Attributes:
        layer: Name of the output layer, whose weights have the outputs along their first axis.
        first: How many outputs are kept.
    """

    layer: str
    first: int = Field(ge=1)


class WeightsOfRole(_Strict):
    """One network of the package.

    Attributes:
        name: Registered network.
        arguments: Its arguments.
        keep_outputs: Which outputs are kept; all where ``None``.
    """

    name: str
    arguments: dict[str, Any] = Field(default_factory=dict)
    keep_outputs: OutputCut | None = None


class PackageSettings(_Strict):
    """What a package says beside its weights; fields as in the manifest.

    Attributes:
        networks: By role, in the order in which their files of weights are given.
        section: Of the task.
    """

    package_id: str
    version: str
    title: str
    task: str
    networks: dict[str, WeightsOfRole] = Field(min_length=1)
    section: dict[str, Any]
    cohort: CohortSummary
    trained_on: Literal["synthetic", "clinical"]
    licence: str
    references: list[str] = Field(default_factory=list)
    metrics: list[Metric] = Field(default_factory=list)


def package_weights(
    settings_file: Path, weights: Sequence[Path], out: Path, precision: Precision = "float16"
) -> Manifest[Any]:
    """Write a package.

    Args:
        settings_file: YAML, see ``PackageSettings``.
        weights: A safetensors file for each network, in the settings' order.
        out: New zip file.
        precision: Of the weights in the package.

    Returns:
        The card as written.

    Raises:
        InputError: The settings are faulty, or weights cannot be read or do not fit their network.
        OutputError: ``out`` exists, or cannot be written.
    """
    settings = read_package_settings(settings_file)
    if len(weights) != len(settings.networks):
        raise InputError(
            f"{settings_file} has the networks {', '.join(settings.networks)}: give a file of weights for each, in "
            f"that order, not {len(weights)}."
        )
    section = _section(settings_file, settings)
    networks = {
        role: _network(wanted, section, role, path)
        for (role, wanted), path in zip(settings.networks.items(), weights, strict=True)
    }
    out.parent.mkdir(parents=True, exist_ok=True)
    return write_package(out, networks, lambda files: _manifest(settings_file, settings, section, files), precision)


def read_package_settings(path: Path) -> PackageSettings:
    """Read and check the YAML file.

    Raises:
        InputError: It cannot be read, or is faulty.
    """
    try:
        return PackageSettings.model_validate(parse_yaml(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.") from error
    except ValidationError as error:
        raise InputError(f"{path}: {first_fault(error)}.") from error
    except yaml.YAMLError as error:
        raise InputError(f"{path} is not a YAML file: {on_one_line(error)}.") from error


def _section(path: Path, settings: PackageSettings) -> TaskSection:
    try:
        return section_model(settings.task).model_validate(settings.section)
    except ValidationError as error:
        raise InputError(f"{path}, section: {first_fault(error)}.") from error
    except ValueError as error:
        raise InputError(f"{path}: {error}.") from error


def _network(wanted: WeightsOfRole, section: TaskSection, role: str, path: Path) -> nn.Module:
    """The network with its weights."""
    try:
        network = build_network(wanted.name, wanted.arguments, section.network_input(role).channels)
    except (ValueError, TypeError, KeyError, RuntimeError) as error:
        raise InputError(f"The network of {role} cannot be built: {first_line(error)}.") from error
    found = {name: tensor.float() for name, tensor in _cut(_loaded(path), wanted.keep_outputs, path).items()}
    own = network.state_dict()
    unlike = sorted(set(found) ^ set(own)) or [name for name in own if found[name].shape != own[name].shape]
    if unlike:
        raise InputError(
            f"{path} does not fit the network {wanted.name} with the arguments given: {len(unlike)} weights are "
            f"missing, surplus or of another shape, the first is {unlike[0]}."
        )
    network.load_state_dict(found)
    return network.eval()


def _loaded(path: Path) -> dict[str, Tensor]:
    try:
        tensors: dict[str, Tensor] = load_file(path)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}.") from error
    except SafetensorError as error:
        raise InputError(f"{path} is not a safetensors file: convert the weights first.") from error
    return tensors


def _cut(tensors: Mapping[str, Tensor], cut: OutputCut | None, path: Path) -> dict[str, Tensor]:
    if cut is None:
        return dict(tensors)
    of_layer = {name for name in tensors if name.rpartition(".")[0] == cut.layer}
    if not of_layer or any(len(tensors[name]) < cut.first for name in of_layer):
        raise InputError(f"{path} has no layer {cut.layer} with {cut.first} outputs or more.")
    return {name: tensor[: cut.first] if name in of_layer else tensor for name, tensor in tensors.items()}


def _manifest(
    path: Path, settings: PackageSettings, section: TaskSection, files: Mapping[str, WeightsFile]
) -> Manifest[Any]:
    networks = [
        NetworkEntry(
            role=role,
            name=each.name,
            arguments=packed_arguments(each.name, each.arguments),
            weights=files[role],
        )
        for role, each in settings.networks.items()
    ]
    given, kind = settings.model_dump(exclude={"networks", "section"}), type(section)
    try:
        return Manifest[kind](  # type: ignore[valid-type]  # mypy knows no types made at run time
            **given,
            networks=networks,
            section=section,
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            lnstation_version=__version__,
        )
    except ValidationError as error:
        raise InputError(f"{path}: {first_fault(error)}.") from error
