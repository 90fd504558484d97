"""One network of a model package, as the steps' own networks stand on it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Generic, TypeVar

from LNStationLib.models.package import ModelPackage, TaskSection
from LNStationLib.models.runtime.runner import NetworkRunner
from LNStationLib.support.types import Engine

Section = TypeVar("Section", bound=TaskSection)


class PackagedNetwork(Generic[Section]):
    """A network of a verified package, on its device.

    Args:
        package: Read and verified.
        section: What a package of the task says.
        role: Of the network in the package.
        device: Name as ``models.runtime.devices.chosen_device`` returns it.
        engine: What shall run the network on a CPU.
        arguments: Given to the network in every pass.

    Raises:
        PackageError: It is of another task, or its network cannot be built.
        InputError: The engine is not installed, or cannot run this network or on this device.
    """

    def __init__(
        self,
        package: ModelPackage,
        section: type[Section],
        role: str,
        device: str,
        engine: Engine = "torch",
        arguments: Mapping[str, Any] | None = None,
    ) -> None:
        self.manifest, self.device = package.manifest, device
        self.section = package.section(section)
        self.runner = NetworkRunner(package, role, device, engine, arguments)

    @property
    def engine(self) -> Engine:
        """What runs the network."""
        return self.runner.engine
