"""Imports files that were imported before without looking for them and reading them again.

A panel is opened hundreds of times in a test run, and each time its hundred files are executed anew.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec, SourceFileLoader
from types import CodeType, ModuleType
from typing import Any


class _KeptFile(SourceFileLoader):
    """A file as it was compiled when it was read."""

    def __init__(self, name: str, path: str, code: CodeType) -> None:
        super().__init__(name, path)
        self.code = code
        self.changed_ns = os.stat(path).st_mtime_ns

    def get_code(self, fullname: str) -> CodeType:
        return self.code

    def is_of(self, folders: Sequence[str]) -> bool:
        """Whether a search in these folders would find it, as it is."""
        folder = os.path.dirname(self.path)
        home = os.path.dirname(folder) if os.path.basename(self.path) == "__init__.py" else folder
        return home in folders and os.stat(self.path).st_mtime_ns == self.changed_ns


class KeptFiles:
    """A finder for ``sys.meta_path``; it knows the submodules of packages only, whose place is their package's."""

    def __init__(self) -> None:
        self._files: dict[str, _KeptFile] = {}
        sys.meta_path.insert(0, self)  # type: ignore[arg-type]

    def keep(self, module: ModuleType) -> None:
        """Remember a module's file for its next import."""
        loader = module.__spec__.loader if module.__spec__ is not None else None
        if type(loader) is SourceFileLoader and (code := loader.get_code(module.__name__)) is not None:
            self._files[module.__name__] = _KeptFile(module.__name__, loader.path, code)

    def find_spec(self, name: str, path: Sequence[str] | None = None, target: Any = None) -> ModuleSpec | None:
        """As of any finder; ``None`` where the usual ones have to look."""
        kept = self._files.get(name) if path is not None else None
        if kept is None or not kept.is_of(path or ()):
            return None
        return importlib.util.spec_from_file_location(name, kept.path, loader=kept)


kept_files = KeptFiles()
