"""Which model packages there are: asked of the worker, kept until asked again."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from LNStationSlicer.support.Signal import Signal
from LNStationSlicer.worker.ModelCard import ModelCard, ModelProblem
from LNStationSlicer.worker.WorkerClient import WorkerClient
from LNStationSlicer.worker.WorkerErrors import WorkerError

_FOLDERS_KEY = "LNStation/ModelFolders"
_MANIFEST = "model.json"


class ModelCatalog:
    """The cards of all packages that the worker finds.

    Attributes:
        changed: Emitted when an answer, or no answer, came.
        cards: Packages that can be used.
        problems: Packages that cannot, with a sentence each.
        missing: Python packages that learned models need and the worker lacks.
        install: How to get them, where any is missing.
        error: Why the worker gave no answer; empty where it did, or was not asked.
        isAnswered: True once the worker has told.
    """

    def __init__(self, client: WorkerClient, settings: Any) -> None:
        self.changed = Signal()
        self._client = client
        self._settings = settings
        self._askedOf: int | None = None
        self._failedOf = 0
        self.forget()

    def forget(self) -> None:
        """Know nothing, so that ``askOnce`` asks: the worker's packages are others now."""
        self.cards: tuple[ModelCard, ...] = ()
        self.problems: tuple[ModelProblem, ...] = ()
        self.missing: tuple[str, ...] = ()
        self.install = self.error = ""
        self.isAnswered = False
        self._askedOf = None

    @property
    def isAsking(self) -> bool:
        """True while the answer is awaited; a worker that was stopped meanwhile gives none."""
        return self._askedOf == self._client.generation and self._client.isRunning()

    @property
    def folders(self) -> list[Path]:
        """The user's own folders of packages, remembered in Slicer's settings."""
        text = str(self._settings.value(_FOLDERS_KEY, "") or "[]")
        return [Path(name) for name in json.loads(text)]

    def setFolders(self, folders: Sequence[Path]) -> None:
        """Remember other folders, and look into them."""
        self._settings.setValue(_FOLDERS_KEY, json.dumps([str(folder) for folder in folders]))
        self.ask()

    def addFolder(self, folder: Path) -> Path:
        """Look into one more folder; of a package that is a folder itself, into the one that holds it."""
        folder = folder.resolve()
        folder = folder.parent if (folder / _MANIFEST).is_file() else folder
        self.setFolders(list(dict.fromkeys([*self.folders, folder])))
        return folder

    def askOnce(self) -> None:
        """Ask, unless there is an answer or one is on its way; after an error only a worker started since."""
        hasFailed = self.error and (self._failedOf == self._client.generation or not self._client.isRunning())
        if not (self.isAnswered or hasFailed or self.isAsking):
            self.ask()

    def ask(self) -> None:
        """Ask the worker; starts it where none runs."""
        self.error = ""
        self._client.request(
            "models", {"folders": [str(path) for path in self.folders]}, self._onModels, self._onError
        )
        self._askedOf = self._client.generation

    def find(self, path: str, packageId: str, task: str) -> ModelCard | None:
        """The card of a package that was chosen before: where it was then, else by its id wherever it is now."""
        same = [card for card in self.cards if (card["id"], card["task"]) == (packageId, task)]
        return next((card for card in same if card["path"] == path), same[0] if same else None)

    def _onModels(self, answer: dict[str, Any]) -> None:
        # A folder that was added may be one that is looked into anyway.
        self.cards = tuple({card["path"]: card for card in reversed(answer["models"])}.values())[::-1]
        self.problems = tuple({row["path"]: row for row in answer["problems"]}.values())
        self.missing = tuple(answer["missing"])
        self.install = answer["install"] or ""
        self.isAnswered = True
        self._askedOf = None
        self.changed.emit()

    def _onError(self, error: WorkerError) -> None:
        self.error = error.message
        self._failedOf = self._client.generation
        self._askedOf = None
        self.changed.emit()
