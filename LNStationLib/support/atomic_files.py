"""Atomic files: a kill or a full disk never leaves a partial one under its final name."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def atomic_file(path: Path) -> Iterator[Path]:
    """Give a path in the same folder to write to; what is written there becomes ``path`` at the end of the block.

    After an error in the block, ``path`` is as it was and the unfinished file is gone. One process at a time may
    write a path.
    """
    unfinished = path.with_name(f".{path.name}-unfinished")
    try:
        yield unfinished
        os.replace(unfinished, path)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise


def write_atomically(path: Path, content: bytes | str) -> None:
    """Write bytes, or text as UTF-8, atomically.

    Raises:
        OSError: It cannot be written.
    """
    with atomic_file(path) as unfinished:
        unfinished.write_bytes(content.encode("utf-8") if isinstance(content, str) else content)
