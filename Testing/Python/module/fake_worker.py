"""A worker that speaks the real protocol and computes next to nothing; misbehaves on demand.

    python fake_worker.py ANSWERS --folder PRIVATE_FOLDER

``ANSWERS/behavior.json`` says per method what else happens before the answer: ``seconds`` to wait (with progress,
unless ``silent``; ``step`` names it), ``stderr`` to write, ``die`` with an exit code, ``hang`` for ever (``deaf``: to
cancel too), ``error`` ``[code, message]`` to answer, ``noise`` to print to standard output, ``protocol`` for hello.
"""

from __future__ import annotations

import json
import os
import queue
import sys
import threading
import time
import traceback
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from LNStationLib.worker import messages
from LNStationLib.worker.volume_files import read_volume, write_volume

SHIPPED = Path(__file__).resolve().parents[3] / "Resources" / "Definitions" / "methods.json"
ANSWERS = FOLDER = Path()
cancelled: set[Any] = set()
waiting: queue.Queue[messages.Call | None] = queue.Queue()
cases: dict[str, dict[str, Any]] = {}
numbers = iter(range(10**6))


PRIOR_TO_CASE = [[1.0, 0.0, 0.0, 5.0], [0.0, 1.0, 0.0, -3.0], [0.0, 0.0, 1.0, 2.0], [0.0, 0.0, 0.0, 1.0]]
"""The earlier CT lies 5 mm further left, 3 mm further front and 2 mm higher, LPS."""


class Cancelled(Exception):
    pass


def send(line: bytes) -> None:
    sys.stdout.buffer.write(line)
    sys.stdout.buffer.flush()


def behavior(method: str) -> dict[str, Any]:
    return json.loads((ANSWERS / "behavior.json").read_text(encoding="utf-8")).get(method, {})


def misbehave(call: messages.Call) -> None:
    wanted = behavior(call.method)
    if "stderr" in wanted:
        print(wanted["stderr"], file=sys.stderr, flush=True)
    if "noise" in wanted:
        print(wanted["noise"], flush=True)
    begun = time.monotonic()
    while wanted.get("hang") or time.monotonic() - begun < wanted.get("seconds", 0):
        if not wanted.get("silent"):
            fraction = min(1.0, (time.monotonic() - begun) / max(wanted.get("seconds", 0), 1e-6))
            send(
                messages.notification(
                    "progress",
                    {"id": call.request_id, "step": wanted.get("step", "pretending"), "fraction": fraction},
                )
            )
        time.sleep(0.02)
        if call.request_id in cancelled and not wanted.get("deaf"):
            raise Cancelled
    if "die" in wanted:
        os._exit(wanted["die"])


def write(name: str, array: np.ndarray, case: str) -> dict[str, Any]:
    return write_volume(FOLDER, f"{name}-{next(numbers)}.raw", array, cases[case]["geometry"])


def write_box(name: str, array: np.ndarray, case: str) -> dict[str, Any]:
    """Only the box that is not 0, as the worker does with attention."""
    geometry = cases[case]["geometry"]
    where = np.argwhere(array)
    low, high = where.min(axis=0), where.max(axis=0) + 1
    steps = np.reshape(geometry.direction, (3, 3)) * geometry.spacing_mm
    origin = tuple(float(mm) for mm in np.asarray(geometry.origin_mm) + steps @ low[::-1])
    box = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
    return write_volume(FOLDER, f"{name}-{next(numbers)}.raw", array[box], replace(geometry, origin_mm=origin))


def assessment() -> dict[str, Any]:
    return json.loads((ANSWERS / "assessment.json").read_text(encoding="utf-8"))


def load_case(params: dict[str, Any]) -> dict[str, Any]:
    array, geometry = read_volume(FOLDER, params["ct"])
    cases[params["case"]] = {"geometry": geometry, "mean": float(array.mean()), "assessment": None}
    return {"warnings": []}


def assess(params: dict[str, Any]) -> dict[str, Any]:
    case = params["case"]
    cases[case]["assessment"] = assessment()
    stations, nodes = np.load(ANSWERS / "stations.npy"), np.load(ANSWERS / "nodes.npy")
    learned = params.get("settings", {}).get("metastasis", {}).get("method") == "station_network"
    attention = (stations > 0).astype(np.float32) if learned or behavior("assess").get("attention") else None
    if learned:
        judged_by(cases[case]["assessment"], params["settings"])
    cases[case]["attention"] = attention
    nodes, gone = without_dismissed(cases[case], nodes)
    return {
        "assessment": cases[case]["assessment"],
        "stations": write("stations", stations, case),
        "nodes": write("nodes", nodes, case),
        "dismissed": write("dismissed", gone, case) if gone.any() else None,
        "organs": [write_box("organs", layer, case) for layer in np.load(ANSWERS / "organs.npy")],
        "attention": None if attention is None else write_box("attention", attention, case),
        "station_maps": station_maps(stations, case),
    }


def station_maps(stations: np.ndarray, case: str) -> dict[str, Any]:
    """Maps of a method for stations, of the kinds that a test asks for."""
    values = (stations > 0).astype(np.float32)
    kinds = behavior("assess").get("station_maps", [])
    return {kind: write_box(kind, values / number, case) for number, kind in enumerate(kinds, start=1)}


def without_dismissed(case: dict[str, Any], nodes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A new search, without what was dismissed before."""
    gone = case.get("dismissed", np.zeros_like(nodes))
    if not gone.any():
        case["nodes"] = nodes
        return nodes, gone
    found = case["assessment"]
    found["dismissed_nodes"] = [row for row in found["nodes"] if (gone == row["node_id"]).any()]
    found["nodes"] = [row for row in found["nodes"] if row not in found["dismissed_nodes"]]
    case["nodes"] = np.where(gone > 0, 0, nodes)
    return case["nodes"], gone


def restore_case(params: dict[str, Any]) -> dict[str, Any]:
    for reference in (params["stations"], params["nodes"], *(params.get("organs") or [])):
        read_volume(FOLDER, reference)
    cases[params["case"]]["assessment"] = params["assessment"]
    return {}


def reassess(params: dict[str, Any]) -> dict[str, Any]:
    found = cases[params["case"]]["assessment"]
    for name, reference in params["stations"].items():
        array, geometry = read_volume(FOLDER, reference)
        finding = next(row for row in found["stations"] if row["station"] == name)
        finding["volume_ml"] = float(np.count_nonzero(array) * np.prod(geometry.spacing_mm) / 1000)
        finding["reason"] = "assessed again"
    edited = edit_nodes(params, found) if params.get("nodes") else {}
    attention = cases[params["case"]].get("attention")
    followed = follow_organs(params, found) if params.get("organs") else {}
    return {
        "assessment": found, "changed": list(params["stations"]), "nodes": None,
        "changed_organs": [], "organs": [], "stations": None, "node_edits": [], "dismissed": None,
        **edited, **followed,
        "attention": None if attention is None else write_box("attention", attention / 2, params["case"]),
    }  # fmt: skip


def edit_nodes(params: dict[str, Any], found: dict[str, Any]) -> dict[str, Any]:
    """Dismisses and restores nodes, makes a block around a point, and takes drawn masks; numbers as the worker's."""
    case = cases[params["case"]]
    labels = case.setdefault("nodes", np.load(ANSWERS / "nodes.npy"))
    gone = case.setdefault("dismissed", np.zeros_like(labels))
    dismissed, done = found.setdefault("dismissed_nodes", []), []
    for edit in params["nodes"]:
        before, after = list(edit["nodes"]), list(edit["nodes"])
        if edit["action"] in ("dismiss", "restore"):
            rows = {"dismiss": (found["nodes"], dismissed), "restore": (dismissed, found["nodes"])}[edit["action"]]
            maps = {"dismiss": (labels, gone), "restore": (gone, labels)}[edit["action"]]
            for number in before:
                row = next(row for row in rows[0] if row["node_id"] == number)
                rows[0].remove(row)
                rows[1].append(row)
                maps[1][maps[0] == number] = number
                maps[0][maps[0] == number] = 0
            after = before if edit["action"] == "restore" else []
        else:
            number = before[0] if before else 1 + max(row["node_id"] for row in (*found["nodes"], *dismissed))
            after = [number]
            draw(labels, number, edit, case["geometry"])
            row = {**found["nodes"][0], "node_id": number, "source": "reader"}
            found["nodes"] = [*(one for one in found["nodes"] if one["node_id"] != number), row]
        volumes = {"volume_before_ml": 0.5 if before else None, "volume_after_ml": 0.25 if after else None}
        done.append({"action": edit["action"], "before": before, "after": after, "station": "4R", **volumes})
    return {
        "node_edits": done,
        "nodes": write("nodes", labels, params["case"]),
        "dismissed": write("dismissed", gone, params["case"]) if gone.any() else None,
    }


def draw(labels: np.ndarray, number: int, edit: dict[str, Any], geometry: Any) -> None:
    """The mask of an edit, or a block of 2 x 2 x 2 voxels at its point."""
    steps = np.linalg.inv(np.reshape(geometry.direction, (3, 3)) * geometry.spacing_mm)
    labels[labels == number] = 0
    if edit["mask"] is not None:
        array, box = read_volume(FOLDER, edit["mask"])
        start = np.rint(steps @ (np.asarray(box.origin_mm) - geometry.origin_mm)).astype(int)[::-1]
        part = tuple(slice(a, a + n) for a, n in zip(start, array.shape, strict=True))
        labels[part][array > 0] = number
    elif edit["point_mm"] is not None:
        k, j, i = np.rint(steps @ (np.asarray(edit["point_mm"]) - geometry.origin_mm)).astype(int)[::-1]
        labels[k : k + 2, j : j + 2, i : i + 2] = number


def follow_organs(params: dict[str, Any], found: dict[str, Any]) -> dict[str, Any]:
    """As if editing the aorta moved its arch by a slice and all stations by a voxel, and undoing it, back."""
    layers, stations = np.load(ANSWERS / "organs.npy"), np.load(ANSWERS / "stations.npy")
    array, _geometry = read_volume(FOLDER, params["organs"].get("aorta") or next(iter(params["organs"].values())))
    aorta = 30
    is_undone = "aorta" in params["organs"] and np.count_nonzero(array) == np.count_nonzero(layers[0] == aorta)
    edited = [] if is_undone else list(params["organs"])
    found["provenance"] = [row for row in found["provenance"] if row["step"] != "organs"]
    found["provenance"].append(
        {
            "step": "organs", "implementation": "supplied_and_image", "version": "1", "seconds": 0.1,
            "settings": {"edited_by_reader": edited} if edited else {}, "model_package": None, "model_version": None,
            "model_sha256": None, "trained_on": None, "references": [], "warnings": [],
        }
    )  # fmt: skip
    arch = layers[1] if is_undone else np.roll(layers[1], 1, axis=0)
    moved = stations if is_undone else np.roll(stations, 1, axis=2)
    return {
        "changed_organs": [*params["organs"], "aortic_arch"],
        "organs": [write_box("organs", arch, params["case"])],
        "stations": write("stations", moved, params["case"]),
    }  # fmt: skip


def methods(params: dict[str, Any]) -> dict[str, Any]:
    path = ANSWERS / "methods.json"
    return json.loads((path if path.exists() else SHIPPED).read_text(encoding="utf-8"))


def models(params: dict[str, Any]) -> dict[str, Any]:
    path = ANSWERS / "models.json"
    told = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    rows = [row for row in told.get("models", []) if row["source"] != "folder" or within(row, params["folders"])]
    missing = told.get("missing", [])
    install = "run python -m pip install them" if missing else None
    return {
        "models": rows, "problems": told.get("problems", []), "missing": missing, "install": install,
        "user_folder": str(ANSWERS / "none"),
    }  # fmt: skip


def within(row: dict[str, Any], folders: list[str]) -> bool:
    return str(Path(row["path"]).parent) in folders


def judged_by(made: dict[str, Any], settings: dict[str, Any]) -> None:
    """As if a network of the package had called the stations."""
    known = json.loads((ANSWERS / "models.json").read_text(encoding="utf-8"))["models"]
    options = settings["metastasis"]["options"]["station_network"]
    card = next(row for row in known if row["path"] == options["model"])
    made["provenance"].append(
        {
            "step": "metastasis", "implementation": "station_network", "version": "1", "seconds": 0.1,
            "settings": {"operating_point": options.get("operating_point") or card["operating_points"][0]["name"]},
            "model_package": card["id"], "model_version": card["version"], "model_sha256": card["sha256"],
            "trained_on": card["trained_on"], "references": [], "warnings": [],
        }
    )  # fmt: skip
    finding = next(row for row in made["stations"] if row["station"] == "4R")
    finding["reason"] = "probability 0.91 at or above 0.40; 62% of the attention in nodes, of these most in node 7"


def stage(params: dict[str, Any]) -> dict[str, Any]:
    positive = [name for name, call in params["calls"].items() if call == "positive"]
    category = "N2" if {"4R", "4L", "7"} & set(positive) else "N0"
    return {
        "category": category, "rules": "tnm8", "is_lower_bound": False, "deciding_stations": positive,
        "positive_stations": positive, "not_assessed_stations": [], "n_positive_nodes": None, "explanation": category,
        "warnings": [],
    }  # fmt: skip


def report(params: dict[str, Any]) -> dict[str, Any]:
    folder = Path(params["folder"])
    folder.mkdir()
    path = folder / "assessment.json"
    path.write_text(json.dumps({"review": params["review"]}), encoding="utf-8")
    return {"files": [str(path)]}


def export_dicom(params: dict[str, Any]) -> dict[str, Any]:
    folder = Path(params["folder"])
    folder.mkdir()
    path = folder / "report.dcm"
    path.write_bytes(b"DICM")
    return {"files": [str(path)], "warnings": ["The series lacks a slice."]}


METHODS = {
    "hello": lambda params: {"protocol": behavior("hello").get("protocol", messages.PROTOCOL), "pid": os.getpid()},
    "devices": lambda params: {"devices": [{"name": "cpu", "title": "CPU"}, {"name": "cuda:0", "title": "GPU"}]},
    "methods": methods,
    "models": models,
    "load_case": load_case,
    "assess": assess,
    "restore_case": restore_case,
    "reassess": reassess,
    "stage": stage,
    "report": report,
    "export_dicom": export_dicom,
    "register_prior": lambda params: {"to_case": PRIOR_TO_CASE, "correlation": 0.9},
    "report_text": lambda params: {"text": f"FINDINGS by {params['review']['reader']}"},
    "release_case": lambda params: cases.pop(params["case"]) and {},
}


def answer(call: messages.Call) -> bytes:
    with (ANSWERS / "requests.jsonl").open("a", encoding="utf-8") as log:
        log.write(json.dumps({"method": call.method, "params": call.params, "pid": os.getpid()}) + "\n")
    try:
        misbehave(call)
    except Cancelled:
        return messages.error(call.request_id, messages.ErrorCode.CANCELLED, "cancelled")
    if "error" in behavior(call.method):
        return messages.error(call.request_id, *behavior(call.method)["error"])
    if call.method not in ("hello", "devices", "methods", "models", "load_case") and call.params["case"] not in cases:
        return messages.error(call.request_id, messages.ErrorCode.UNKNOWN_CASE, "unknown case")
    try:
        return messages.result(call.request_id, METHODS[call.method](call.params))
    except Exception as error:
        return messages.error(call.request_id, messages.ErrorCode.INTERNAL_ERROR, type(error).__name__)


def work() -> None:
    try:
        while (call := waiting.get()) is not None:
            send(answer(call))
    except BaseException:  # whoever waits for an answer must hear of it
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(1)
    os._exit(0)


def main() -> None:
    global ANSWERS, FOLDER
    ANSWERS, FOLDER = Path(sys.argv[1]), Path(sys.argv[3])
    threading.Thread(target=work, daemon=True).start()
    splitter = messages.LineSplitter()
    while data := os.read(sys.stdin.fileno(), 65536):
        for line in splitter.feed(data):
            call = messages.parse(line)
            if call.method == "cancel":
                cancelled.add(call.params["id"])
            else:
                waiting.put(call)
    os._exit(0)


if __name__ == "__main__":
    main()
