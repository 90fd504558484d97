"""From a run to a model package: rounded weights, a card, and a check that the package gives the same answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import nn

from lnstation_training.engine.loading import load_run
from lnstation_training.engine.module import with_memory_format
from lnstation_training.engine.prepared import read_info
from lnstation_training.engine.runs import Run
from lnstation_training.engine.task import Task
from lnstation_training.engine.values import PackageContent
from LNStationLib import __version__
from LNStationLib.models.package import Manifest, NetworkEntry, WeightsFile, read_package, write_package
from LNStationLib.models.package.parts import Precision
from LNStationLib.networks.registry import network_info, packed_arguments
from LNStationLib.support.errors import InputError, OutputError
from LNStationLib.support.progress import Progress, portion, silent

_ROUNDING = 1e-4
"""Relative and absolute: ten times what sums of single precision in another order move logits by."""


@dataclass(frozen=True)
class ExportRequest:
    """A package that is wanted.

    Attributes:
        run: Folder of ``fit``.
        out: Package to write, a zip file.
        package_id: Name in settings.
        version: Of the package.
        title: Name for people.
        license_name: Of the weights.
        precision: Of the weights.
        device: Where the network runs meanwhile.
    """

    run: Path
    out: Path
    package_id: str
    version: str
    title: str
    license_name: str
    precision: Precision = "float16"
    device: str = "cpu"


def export_run(request: ExportRequest, task: Task, progress: Progress = silent) -> Manifest[Any]:
    """Write a package and read it back.

    Weights are rounded to the wanted precision before anything is fitted or measured, so that the card is about the
    network that is in the package.

    Args:
        request: What is wanted.
        task: Of the run.
        progress: Told each step.

    Returns:
        The card.

    Raises:
        InputError: The run holds no trained model, or its validation part has samples of one class alone.
        OutputError: The package exists already, cannot be written, or does not give the same answers when read back.
    """
    if request.out.exists():
        raise OutputError(f"{request.out} exists already: choose another name.")
    run = load_run(request.run, task)
    run.data.setup()
    for each in run.module.networks:
        round_weights(each, request.precision)
    content = task.package(run, request.device, portion(progress, 0.1, 0.7))
    progress("writing the package", 0.7)
    request.out.parent.mkdir(parents=True, exist_ok=True)
    network = run.module.network.cpu()
    companions = {each.role: _rounded(each.network.cpu(), request.precision) for each in content.companions}
    networks = {**companions, _role(content): network}
    written = write_package(request.out, networks, partial(_manifest, request, run, content), request.precision)
    progress("reading it back", 0.9)
    check_package(request.out, network, written, task, _role(content))
    progress("done", 1.0)
    return written


def _role(content: PackageContent) -> str:
    """Of the run's network in the package."""
    if content.role is not None:
        return content.role
    (role,) = content.section.network_roles
    return role


def _rounded(network: nn.Module, precision: Precision) -> nn.Module:
    round_weights(network, precision)
    return network


def _manifest(
    request: ExportRequest, run: Run, content: PackageContent, weights: Mapping[str, WeightsFile]
) -> Manifest[Any]:
    """The card: what every package says, and the task's section."""
    role, kind = _role(content), type(content.section)
    companions = [
        NetworkEntry(
            role=each.role,
            name=each.name,
            arguments=packed_arguments(each.name, each.arguments),
            weights=weights[each.role],
        )
        for each in content.companions
    ]
    arguments = packed_arguments(run.network_name, run.network_arguments)
    network = NetworkEntry(role=role, name=run.network_name, arguments=arguments, weights=weights[role])
    return Manifest[kind](  # type: ignore[valid-type]  # mypy knows no types made at run time
        package_id=request.package_id,
        version=request.version,
        title=request.title,
        task=kind.task,
        networks=[*companions, network],
        section=content.section,
        metrics=content.metrics,
        cohort=content.cohort,
        trained_on="synthetic" if read_info(run.data.folder).synthetic else "clinical",
        licence=request.license_name,
        references=[*content.references, network_info(run.network_name).reference],
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        lnstation_version=__version__,
    )


def round_weights(network: nn.Module, precision: Precision) -> None:
    """Round floating-point weights to a precision and keep them in single precision.

    Raises:
        InputError: A weight is too large for it.
    """
    dtype = getattr(torch, precision)
    with torch.no_grad():
        for name, tensor in network.state_dict().items():
            if tensor.is_floating_point():
                tensor.copy_(tensor.to(dtype).float())
                if not bool(torch.isfinite(tensor).all()):
                    raise InputError(f"Weight {name} does not fit {precision}: export with --precision float32.")


def check_package(
    path: Path, network: nn.Module, manifest: Manifest[Any], task: Task, role: str | None = None
) -> None:
    """Hold a package's network to the one that was written: the same weights, and answers but for rounding.

    Args:
        path: The package.
        network: That was written.
        manifest: Its card.
        task: Of the package.
        role: Of the network; ``None`` for the only one.

    Raises:
        OutputError: It differs; the package is removed.
    """
    again = read_package(path).network(role)
    # In one memory layout, for layouts differ by rounding.
    original = with_memory_format(network.eval(), torch.contiguous_format)
    with torch.inference_mode():
        expected, found = task.probe(original, manifest), task.probe(again, manifest)
    weights = again.state_dict()
    same = all(torch.equal(value, weights[name]) for name, value in original.state_dict().items())
    # The same weights may sum up in another order where their memory is aligned otherwise.
    if not (same and torch.allclose(expected, found, rtol=_ROUNDING, atol=_ROUNDING)):
        path.unlink()
        raise OutputError(
            f"{path} gave different answers when it was read back and was removed: report this as a defect."
        )
