"""Saved scenes with a case whose texts are damaged, loaded and used in the panel on Slicer's real MRML core.

A scene is loaded as Slicer loads it, and the panel's own classes read it: every damaged text must be told once, in
one sentence, and be kept, and all else must work.
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from Testing.Faults.draws import TEXTS, damage_bytes, damage_json, json_text, pick
from Testing.Faults.kinds.scene_texts import SCENE, SHAPES, parameters, texts
from Testing.Faults.verdicts import ROOT

_WORDS = ("cancer", "tumorSide", "petUnit")
"""Parameters that hold a word."""
_NOT_OF_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Slicer could not read the file at all with these."""
_MOST_LETTERS = 1_000_000
"""Of an attribute: expat takes minutes for some ten million."""
_LARGE = ("Assessment.txt", "Review.txt", "Reviews of other readers.txt")
"""Half of all changes fall on these, which hold what a person would miss."""


class Scene:
    """Scenes of one case under review, with an earlier case of the same patient."""

    name = "scene"
    title = "saved scene"
    limit_s = 60.0
    refusals = ()

    def __init__(self) -> None:
        self._panel: Any = None

    def warm_up(self) -> None:
        """Paths alone: Qt has threads."""
        for folder in (ROOT / "Testing", ROOT / "LNStation"):
            if str(folder) not in sys.path:
                sys.path.append(str(folder))
        os.environ.setdefault("LNSTATION_WORKER_PYTHON", sys.executable)

    def prepare(self, originals: Path) -> None:
        """Save a scene."""
        self.warm_up()
        from Testing.Faults.kinds.scene_panel import save_scene

        save_scene(originals)

    def write(self, rng: np.random.Generator, originals: Path, folder: Path) -> str:
        """Change one to three texts; the first time in a process also open the panel, which is no part of reading."""
        if self._panel is None:
            self._panel = _opened(originals.parent)
        for path in originals.rglob("*"):
            if path.is_file():
                place = folder / path.relative_to(originals)
                place.parent.mkdir(exist_ok=True)
                place.write_bytes(path.read_bytes())
        return "; ".join(_change(rng, folder) for _ in range(int(rng.integers(1, 4))))

    def read(self, folder: Path, out: Path) -> str:
        """Load it and work with it."""
        return str(self._panel.read(folder, out))


def _opened(folder: Path) -> Any:
    """The panel, with temporary files of the host outside the sandbox of the first input."""
    from Testing.Faults.kinds.scene_panel import Panel

    before, tempfile.tempdir = tempfile.tempdir, str(folder)
    panel = Panel()
    tempfile.tempdir = before
    return panel


def _change(rng: np.random.Generator, folder: Path) -> str:
    if rng.random() < 0.05:
        name = pick(rng, _WORDS)
        return _set(folder, name, pick(rng, TEXTS).encode("utf-8", "replace"), "another word")
    name = pick(rng, _LARGE if rng.random() < 0.5 else tuple(SHAPES))
    said, raw = _changed(rng, texts(folder), name)
    return _set(folder, name, raw, said)


def _changed(rng: np.random.Generator, known: dict[str, str], name: str) -> tuple[str, bytes]:
    """What is done to a text, and what it is then."""
    import json

    way = rng.random()
    if way < 0.05:
        other = pick(rng, tuple(known))
        return f"the text of {other}", known[other].encode()
    # After a change before it, a text may be no JSON any more, or nested deeper than Python goes.
    with suppress(ValueError, RecursionError):
        content = json.loads(known.get(name, ""))
        if way < 0.85 and content is not None:
            said, content = damage_json(rng, content)
            return said, json_text(rng, content)
    return damage_bytes(rng, known.get(name, "").encode())


def _set(folder: Path, name: str, raw: bytes, said: str) -> str:
    path = folder / "Data" / name
    if path.suffix == ".txt":
        path.write_bytes(raw)
        return f"{name}: {said}"
    tree, anchor, places = parameters(folder)
    text = _NOT_OF_XML.sub("", raw.decode("utf-8", "replace"))[:_MOST_LETTERS]
    anchor.set(places.get(name, f"parameter{len(places)}"), f"{name} {text}")
    tree.write(folder / SCENE, encoding="utf-8", xml_declaration=True)
    return f"{name}: {said}"
