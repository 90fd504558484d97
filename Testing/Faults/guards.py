"""What a reader must never do, seen while it works: write elsewhere, start programs, unpickle, print.

Python tells its audit hooks of every file that it opens; what C++ writes is found by looking at the sandbox before
and after. A hook cannot be taken away, so all this is for processes that end soon.
"""

from __future__ import annotations

import os
import pickle
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_CHANGES = ("os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.symlink", "os.link", "os.truncate", "shutil.rmtree")
_PROGRAMS = ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "socket.connect")
_FOLDERS = ("work", "home", "tmp")


@dataclass
class Sandbox:
    """Where one input may be read and nothing may be left.

    Attributes:
        folder: Holds ``in`` with the input and ``out`` for results, beside a home, a working and a temporary folder.
        outside: What was done elsewhere.
        pickles: What was unpickled.
    """

    folder: Path
    outside: list[str] = field(default_factory=list)
    pickles: list[str] = field(default_factory=list)

    @property
    def input(self) -> Path:
        """The folder of the input."""
        return self.folder / "in"

    @property
    def out(self) -> Path:
        """The one folder that results may go to."""
        return self.folder / "out"

    def make(self) -> None:
        """Make the folders and move into them."""
        for name in ("in", "out", *_FOLDERS):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        os.environ.update(HOME=str(self.folder / "home"), TMPDIR=str(self.folder / "tmp"))
        os.environ.pop("XDG_DATA_HOME", None)
        tempfile.tempdir = None
        os.chdir(self.folder / "work")

    def left(self) -> list[str]:
        """What lies in it now beside input and results."""
        return [str(path.relative_to(self.folder)) for name in _FOLDERS for path in (self.folder / name).rglob("*")]

    def forget(self) -> None:
        """Start to watch anew."""
        self.outside.clear()
        self.pickles.clear()


class Watch:
    """Watches a process; one for its whole life, with a sandbox at a time."""

    def __init__(self) -> None:
        self.sandbox: Sandbox | None = None
        sys.addaudithook(self._audit)
        for name in ("load", "loads"):
            setattr(pickle, name, self._refusing(name))

    @contextmanager
    def over(self, sandbox: Sandbox) -> Iterator[None]:
        """Watch while the block runs."""
        sandbox.forget()
        self.sandbox = sandbox
        try:
            yield
        finally:
            self.sandbox = None

    def _refusing(self, name: str) -> Any:
        def refuse(*_: object, **__: object) -> object:
            if self.sandbox is not None:
                self.sandbox.pickles.append(f"pickle.{name}")
            raise pickle.UnpicklingError("nothing is unpickled here")

        return refuse

    def _audit(self, event: str, arguments: tuple[Any, ...]) -> None:
        box = self.sandbox
        if box is None:
            return
        if event == "open":
            self._opened(box, *arguments)
        elif event == "pickle.find_class":
            box.pickles.append(f"{arguments[0]}.{arguments[1]}")
        elif event in _PROGRAMS:
            box.outside.append(f"{event} {arguments!r}"[:200])
        elif event in _CHANGES and not _within(box.folder, arguments[0]):
            box.outside.append(f"{event} {arguments[0]}")

    def _opened(self, box: Sandbox, path: Any, mode: Any, flags: Any) -> None:
        writes = any(letter in mode for letter in "wax+") if isinstance(mode, str) else bool((flags or 0) & _WRITES)
        if writes and not isinstance(path, int) and str(path) != os.devnull and not _within(box.folder, path):
            box.outside.append(f"opened {path} for writing")


def _within(folder: Path, path: Any) -> bool:
    if isinstance(path, int):
        return True
    return Path(os.path.realpath(os.fsdecode(path))).is_relative_to(os.path.realpath(folder))
