"""The pinned packages of the worker.

The lists lie in ``Resources/Worker`` and are made from ``pyproject.toml`` and ``constraints.txt`` by
``Testing/Tools/worker_requirements.py``; a test holds them equal.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Pin:
    """One package at one version; ``name`` as its author writes it."""

    name: str
    version: str

    def __str__(self) -> str:
        return f"{self.name}=={self.version}"


@dataclass(frozen=True)
class PinnedPackages:
    """What the worker needs.

    Attributes:
        requirements: File with the packages that LNStation itself uses.
        constraints: File with one version for each of those and for everything that they need in turn.
        networks: File with the packages that learned models need beside them.
        engine: File with the engine that runs large networks fast on a CPU; installed with ``networks``.
        locks: Files with the hash of every file of every package, without and with networks.
    """

    requirements: Path
    constraints: Path
    networks: Path
    engine: Path
    locks: tuple[Path, Path]

    @classmethod
    def inFolder(cls, folder: Path) -> PinnedPackages:
        """The lists in a folder, which is ``Resources/Worker``."""
        return cls(
            folder / "requirements.txt",
            folder / "constraints.txt",
            folder / "requirements-networks.txt",
            folder / "requirements-openvino.txt",
            (folder / "lock.txt", folder / "lock-networks.txt"),
        )

    def files(self, withNetworks: bool) -> tuple[Path, ...]:
        """The files to hand to pip with ``-r``."""
        return (self.requirements, self.networks, self.engine) if withNetworks else (self.requirements,)

    def wanted(self, withNetworks: bool) -> tuple[str, ...]:
        """Arguments of pip that name what to install: by hashes, so that no other file can take a package's place."""
        lock = self.locks[withNetworks]
        if lock.is_file():
            return ("--require-hashes", "--requirement", str(lock))
        lists = [part for path in self.files(withNetworks) for part in ("--requirement", str(path))]
        return (*lists, "--constraint", str(self.constraints))

    def digest(self, withNetworks: bool) -> str:
        """Short hash of all that decides which packages get installed; comments do not count."""
        pins = [readPins(path) for path in (*self.files(withNetworks), self.constraints)]
        text = "\n\n".join("\n".join(sorted(str(pin) for pin in group)) for group in pins)
        return hashlib.sha256(text.encode("utf-8")).hexdigest()[:16]


def readPins(path: Path) -> tuple[Pin, ...]:
    """The pins of a file with one ``name==version`` a line.

    Raises:
        ValueError: A line is something else.
    """
    pins = []
    for line in path.read_text(encoding="utf-8").splitlines():
        text = line.split("#")[0].strip()
        name, separator, version = text.partition("==")
        if text and not (separator and name and version):
            raise ValueError(f"{path}: {line!r} is not name==version")
        if text:
            pins.append(Pin(name.strip(), version.strip()))
    return tuple(pins)
