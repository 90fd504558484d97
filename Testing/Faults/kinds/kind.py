"""What a kind of input is."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import numpy as np


class Kind(Protocol):
    """A kind of input that LNStation reads.

    Attributes:
        name: On the command line and in the table.
        title: In the table.
        limit_s: Processor time within which an input is read or refused; twenty times what a good one takes.
        refusals: Exceptions whose text reaches the user as it is, and may be a list of faults, one a line.
    """

    name: str
    title: str
    limit_s: float
    refusals: tuple[type[BaseException], ...]

    def warm_up(self) -> None:
        """Import what reading needs; compute nothing, because the process forks afterwards."""

    def prepare(self, originals: Path) -> None:
        """Write good inputs, once."""

    def write(self, rng: np.random.Generator, originals: Path, folder: Path) -> str:
        """Write a changed input, and say what was changed."""

    def read(self, folder: Path, out: Path) -> str:
        """Read it as the product does; say in a word what came of it."""
