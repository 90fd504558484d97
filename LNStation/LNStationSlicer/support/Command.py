"""A program to run, apart from who runs it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Command:
    """A program to run.

    Attributes:
        program: Its path.
        arguments: What it gets.
        environment: All variables that it sees, not only those that differ.
    """

    program: str
    arguments: tuple[str, ...]
    environment: Mapping[str, str]
