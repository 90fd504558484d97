"""``python -m LNStationLib.worker --folder PRIVATE_FOLDER``: the worker process. See ``docs/worker.md``."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from LNStationLib.worker.server import Method, Server
from LNStationLib.worker.streams import protocol_streams

BAD_FOLDER = 2
"""Exit status: the private folder cannot be used."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run until standard input ends or the client asks to shut down; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m LNStationLib.worker", description="LNStation's worker process.")
    parser.add_argument("--folder", type=Path, required=True, help="private folder for images; mode 0700")
    folder: Path = parser.parse_args(arguments).folder
    problem = _folder_problem(folder)
    if problem:
        print(problem, file=sys.stderr)
        return BAD_FOLDER
    chunks, send = protocol_streams()
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s", stream=sys.stderr)

    def load() -> Mapping[str, Method]:
        from LNStationLib.worker.methods import Methods

        return Methods(folder).by_name()

    ended = Server(send, load).serve(chunks)
    if not ended:
        # The working thread is deep in a computation whose result is no longer needed.
        os._exit(0)
    return 0


def _folder_problem(folder: Path) -> str | None:
    """Why the private folder cannot be used; ``None`` where it can."""
    if not folder.is_dir():
        return f"{folder.name}: there is no such folder; make it before the worker starts."
    if os.name == "posix" and folder.stat().st_mode & 0o077:
        return f"{folder.name}: the folder is accessible to others; create it with mode 0700."
    return None


if __name__ == "__main__":
    sys.exit(main())
