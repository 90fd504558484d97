"""The part of a manifest that depends on its task: one model for each task, found by the task's name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, TypeVar

from pydantic import Field, field_validator

from LNStationLib.models.package.parts import CardRow, NetworkEntry, Strict
from LNStationLib.support.sentences import quoted

Size = tuple[int, int, int]


@dataclass(frozen=True)
class NetworkInput:
    """What one network of a package takes.

    Attributes:
        channels: Names of its channels, in order.
        size: Voxels along z, y, x; ``None`` for a network that takes any size.
    """

    channels: tuple[str, ...]
    size: Size | None = None


class TaskSection(Strict):
    """What a package of one task says beyond the envelope; subclasses add their fields.

    Attributes:
        task: Name of the task in manifests.
        task_title: The task for people.
        roles: Roles that networks of this task have.
    """

    task: ClassVar[str]
    task_title: ClassVar[str]
    roles: ClassVar[tuple[str, ...]]

    @property
    def network_roles(self) -> tuple[str, ...]:
        """Roles of the networks that this package holds; those of the task unless the section says otherwise."""
        return self.roles

    def check_networks(self, networks: Sequence[NetworkEntry]) -> None:
        """Hold the networks to the task.

        Raises:
            ValueError: Their roles are not those of the section.
        """
        found = sorted(network.role for network in networks)
        if found != sorted(self.network_roles):
            raise ValueError(
                f"the task has networks {', '.join(self.network_roles)}, the package has {', '.join(found)}"
            )

    def network_input(self, role: str) -> NetworkInput:
        """What the network of a role takes."""
        raise NotImplementedError

    def card_rows(self) -> list[CardRow]:
        """Rows of the card that only this task has."""
        return []


class OneInputSection(TaskSection):
    """A section of a task whose networks all see the same channels.

    Attributes:
        channels: Their names, in order.
    """

    channels: list[str] = Field(min_length=1)

    @field_validator("channels")
    @classmethod
    def _different_channels(cls, value: list[str]) -> list[str]:
        if len(set(value)) != len(value):
            raise ValueError(f"a channel is named twice: {', '.join(value)}")
        return value

    def network_input(self, role: str) -> NetworkInput:
        """The channels, whatever the role."""
        return NetworkInput(tuple(self.channels))


Section = TypeVar("Section", bound=TaskSection)
_SECTIONS: dict[str, type[TaskSection]] = {}


def register_section(section: type[Section]) -> type[Section]:
    """Make packages of a task readable; usable as a decorator.

    Raises:
        ValueError: Another section has registered the task.
    """
    if _SECTIONS.setdefault(section.task, section) is not section:
        raise ValueError(f"the task {section.task!r} is registered already, by {_SECTIONS[section.task].__name__}")
    return section


def section_model(task: str) -> type[TaskSection]:
    """The section of a task.

    Raises:
        ValueError: The task is not registered; the message lists those that are.
    """
    try:
        return _SECTIONS[task]
    except KeyError:
        raise ValueError(f"unknown task '{quoted(task)}'; known: {', '.join(_SECTIONS)}") from None
