"""What packages of networks of volumes have in common: a spacing, a patch, channels and classes for each network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pydantic import field_validator, model_validator

from LNStationLib.models.package.parts import CardRow, NetworkEntry
from LNStationLib.models.package.sections import NetworkInput, TaskSection
from LNStationLib.sampling.volume import VolumeSpec, channel_title

BACKGROUND = "background"
"""The first class of every network of volumes."""
_N_CLASSES = "n_classes"
"""Argument of segmentation networks that must agree with the classes that the section names."""


class VolumeSection(TaskSection):
    """A section of a task whose networks label the voxels of a scan.

    Attributes:
        volumes: How each network sees a scan, by role.
        classes: Names of each network's classes by role, in the order of its output; the first is ``BACKGROUND``.
    """

    volumes: dict[str, VolumeSpec]
    classes: dict[str, list[str]]

    @field_validator("classes")
    @classmethod
    def _told_apart(cls, value: dict[str, list[str]]) -> dict[str, list[str]]:
        for role, names in value.items():
            if len(names) < 2 or names[0] != BACKGROUND:
                raise ValueError(f"the first class of {role} must be {BACKGROUND!r}, with one or more after it")
            if len(set(names)) != len(names):
                twice = sorted({name for name in names if names.count(name) > 1})
                raise ValueError(f"a class of {role} is named twice: {', '.join(twice)}")
        return value

    @model_validator(mode="after")
    def _same_roles(self) -> VolumeSection:
        if set(self.volumes) != set(self.classes):
            raise ValueError(
                f"volumes are given for {', '.join(self.volumes)}, and classes for {', '.join(self.classes)}"
            )
        return self

    @property
    def network_roles(self) -> tuple[str, ...]:
        """Roles of the networks that the section has classes for."""
        return tuple(self.classes)

    def check_networks(self, networks: Sequence[NetworkEntry]) -> None:
        """Hold the networks to the section's roles and classes.

        Raises:
            ValueError: Their roles are not those of the section, or a network has another number of classes.
        """
        super().check_networks(networks)
        self.check_classes(networks)

    def check_classes(self, networks: Sequence[NetworkEntry]) -> None:
        """Hold networks to the number of their classes.

        Raises:
            ValueError: One has another number of classes.
        """
        for network in networks:
            wanted, given = len(self.classes[network.role]), network.arguments.get(_N_CLASSES)
            if given is not None and given != wanted:
                raise ValueError(f"network {network.role} has {given} classes, and {wanted} are named")

    def network_input(self, role: str) -> NetworkInput:
        """Channels of the network of a role, which takes volumes of any size."""
        return NetworkInput(self.volumes[role].channels)

    def card_rows(self) -> list[CardRow]:
        """Classes, channels, spacing and patch of each network."""
        return [
            CardRow(_of(self.volumes, role, title), lines)
            for role, spec in self.volumes.items()
            for title, lines in (
                (self._classes_title(), (", ".join(self.classes[role][1:]),)),
                ("Input", tuple(f"{name}: {channel_title(name)}" for name in spec.channels)),
                ("Grid", (_geometry(spec),)),
            )
        ]

    def _classes_title(self) -> str:
        return "Classes"


def _of(roles: Mapping[str, object], role: str, title: str) -> str:
    return title if len(roles) == 1 else f"{title} of {role}"


def _geometry(spec: VolumeSpec) -> str:
    size = " x ".join(str(n) for n in reversed(spec.patch))
    spacing = " x ".join(f"{mm:g}" for mm in reversed(spec.spacing_mm))
    return f"voxels of {spacing} mm, patches of {size}"
