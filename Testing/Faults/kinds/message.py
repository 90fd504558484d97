"""Lines to the worker: requests with changed parameters, broken JSON, volumes that are not what they say.

The worker's loop and methods run in this process, over a case that is warm; every request must be answered, never
with a defect, and the worker must live on.
"""

from __future__ import annotations

import json
import logging
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from Testing.Faults.draws import damage_bytes, damage_json, json_text, pick
from Testing.Faults.kinds import chest

_WAIT_S = 60.0
"""A request that is worked on for so long, on a case of 10 000 voxels, hangs."""
_LAST = "last"


class AnsweredWithDefectError(RuntimeError):
    """The worker said that it has a defect, did not answer, or answered twice."""


class Message:
    """Lines of the protocol."""

    name = "message"
    title = "worker message"
    limit_s = 60.0
    refusals = ()

    def __init__(self) -> None:
        self._methods: Any = None

    def warm_up(self) -> None:
        """The methods import all that a case needs."""
        import LNStationLib.worker.methods  # noqa: F401

    def prepare(self, originals: Path) -> None:
        """Volumes of a case, its parameters, and its assessment."""
        from LNStationLib.case.from_files import load_case
        from LNStationLib.worker.images import write_image

        chest.write_images(originals, ".nii")
        case = load_case(chest.CaseRequest(ct=originals / "ct.nii", nodes=originals / "nodes.nii"))
        volumes = {"ct": write_image(originals, "ct.raw", case.ct)}
        methods = _methods(originals)
        methods["load_case"]({"case": "a", "ct": volumes["ct"]}, _silent)
        answer = methods["assess"]({"case": "a", "settings": {"working_spacing_mm": 4.0}}, _silent)
        volumes |= {name: answer[name] for name in ("stations", "nodes")}
        kept = {"volumes": volumes, "assessment": answer["assessment"]}
        (originals / "case.json").write_text(json.dumps(kept), encoding="utf-8")

    def write(self, rng: np.random.Generator, originals: Path, folder: Path) -> str:
        """One to three changed lines."""
        kept = json.loads((originals / "case.json").read_text(encoding="utf-8"))
        for volume in kept["volumes"].values():
            (folder / volume["path"]).write_bytes((originals / volume["path"]).read_bytes())
        words, lines = [], []
        for number in range(int(rng.integers(1, 4))):
            method, params = pick(rng, list(_requests(kept, folder).items()))
            said, line = _changed(rng, {"jsonrpc": "2.0", "id": number, "method": method, "params": params})
            words.append(f"{method}: {said}")
            lines.append(line.replace(b"\n", b" ") + b"\n")
        (folder / "lines").write_bytes(b"".join(lines))
        return "; ".join(words)

    def read(self, folder: Path, out: Path) -> str:
        """Send the lines, wait for the answer to one more, and end the worker."""
        from LNStationLib.worker.server import Server

        conversation, log = _Conversation((folder / "lines").read_bytes()), _Log()
        logging.getLogger().addHandler(log)
        try:
            Server(conversation.heard, lambda: self._warm(folder)).serve(conversation.spoken())
        finally:
            logging.getLogger().removeHandler(log)
        return conversation.judged(log.defects)

    def _warm(self, folder: Path) -> Any:
        """The methods over this folder, with a case in their store, made once a process."""
        from LNStationLib.worker.methods import Methods

        if self._methods is None:
            self._methods = Methods(folder)
            kept = json.loads((folder.parent.parent / "originals-message" / "case.json").read_text(encoding="utf-8"))
            methods = self._methods.by_name()
            methods["load_case"]({"case": "a", "ct": kept["volumes"]["ct"]}, _silent)
            methods["assess"]({"case": "a", "settings": {"working_spacing_mm": 4.0}}, _silent)
        self._methods._folder = folder
        return self._methods.by_name()


def _methods(folder: Path) -> Any:
    from LNStationLib.worker.methods import Methods

    return Methods(folder).by_name()


def _silent(step: str, fraction: float) -> None:
    pass


def _requests(kept: dict[str, Any], folder: Path) -> dict[str, dict[str, Any]]:
    """A valid request of every method."""
    volumes, assessment = kept["volumes"], kept["assessment"]
    review = {"reader": "R", "calls": {"4R": {"call": "positive", "note": "", "when": "2026-01-01T00:00:00+00:00"}}}
    edit = {"action": "grow", "nodes": [], "point_mm": [0.0, 0.0, 0.0]}
    report = {
        "case": "a",
        "folder": str(folder.parent / "out" / "report"),
        "formats": ["json", "csv"],
        "review": review,
    }
    facts, files = {"cancer": "lung", "age_years": 60}, [str(folder / "ct.raw")]
    restored = {"case": "a", "assessment": assessment, "stations": volumes["stations"], "nodes": volumes["nodes"]}
    return {
        "load_case": {"case": "b", "ct": volumes["ct"], "nodes": volumes["nodes"], "facts": facts},
        "assess": {"case": "b", "settings": {"working_spacing_mm": 4.0}},
        "reassess": {"case": "a", "stations": {"4R": volumes["stations"]}, "nodes": [edit]},
        "restore_case": restored,
        "restore_case ": restored,
        "stage": {"case": "a", "calls": {"4R": "positive"}, "blind": False},
        "report": report,
        "report_text": {"case": "a", "review": review},
        "register_prior": {"case": "a", "prior": volumes["ct"]},
        "export_dicom": {"case": "a", "folder": str(folder.parent / "out" / "dicom"), "ct_files": files},
        "models": {"folders": [str(folder)]},
        "methods": {}, "columns": {}, "devices": {}, "hello": {}, "release_case": {"case": "b"}, "cancel": {"id": 1},
    }  # fmt: skip


def _changed(rng: np.random.Generator, request: dict[str, Any]) -> tuple[str, bytes]:
    request["method"] = request["method"].strip()
    way = rng.random()
    if way < 0.75:
        said, request["params"] = damage_json(rng, request["params"])
    elif way < 0.9:
        said, request = damage_json(rng, request)
    else:
        said = "as it is"
    raw = json_text(rng, request)
    if rng.random() < 0.1:
        more, raw = damage_bytes(rng, raw)
        return f"{said}; {more}", raw
    return said, raw


class _Conversation:
    """Speaks the lines, hears the answers, and ends when the last request was answered."""

    def __init__(self, lines: bytes) -> None:
        self._lines = lines
        self._answers: list[dict[str, Any]] = []
        self._done = threading.Event()

    def heard(self, line: bytes) -> None:
        """Take a line of the worker."""
        content = json.loads(line)
        if "method" not in content:
            self._answers.append(content)
        if content.get("id") == _LAST:
            self._done.set()

    def spoken(self) -> Iterator[bytes]:
        """The lines, then one good request."""
        yield self._lines
        yield json.dumps({"jsonrpc": "2.0", "id": _LAST, "method": "columns", "params": {}}).encode() + b"\n"
        self._done.wait(_WAIT_S)

    def judged(self, defects: list[str]) -> str:
        """What the answers were, in a few words.

        Raises:
            AnsweredWithDefectError: See there.
        """
        if defects:
            raise AnsweredWithDefectError(defects[0])
        if not self._done.is_set():
            raise AnsweredWithDefectError("the last request was not answered")
        codes = [answer["error"]["code"] if "error" in answer else 0 for answer in self._answers]
        if -32603 in codes:
            raise AnsweredWithDefectError(f"internal error: {self._answers[codes.index(-32603)]['error']}")
        return f"answers {codes}"


class _Log(logging.Handler):
    """Takes what the worker logs; keeps where its defects lie."""

    def __init__(self) -> None:
        super().__init__()
        self.defects: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the last frame and the error of a traceback."""
        text = record.getMessage()
        if "Traceback" in text:
            frames = re.findall(r'File "[^"]*/(\S+\.py)", line (\d+), in (\S+)', text)
            file, line, function = frames[-1] if frames else ("nowhere", "0", "?")
            self.defects.append(f"{text.split()[0]} {file}:{line} {function}: {text.strip().splitlines()[-1][:200]}")
