"""Random values and damage that any format can suffer."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable
from typing import Any

import numpy as np

NUMBERS: tuple[float, ...] = (
    0, -1, 1, 2, 7, 127, 255, 256, 32767, 65535, 65536, 2**31 - 1, 2**31, 2**32, 2**63 - 1, -(2**31), -(2**63),
    1e308, -1e308, 1e-320, 1e-6, 0.5, -0.0, float("nan"), float("inf"), float("-inf"),
)  # fmt: skip
TEXTS = (
    "", " ", "\0", "..", "../../../../etc/passwd", "/etc/passwd", "/dev/zero", "C:\\windows", "\\\\host\\share", "~",
    "a" * 5000, "é漢\u202e", "%s%n%d", "{0.__class__}", "$(id)", "`id`", "line\r\nnext", "<script>", "nan", "-1",
    "1e999", "null", "true", "'", '"', ";", "\ufeff", "CON", "4R", "N2", "2024-02-30", "99991231", "000Y",
    "1.2.840." + "9" * 60,
)  # fmt: skip


def pick(rng: np.random.Generator, items: Any) -> Any:
    """One of a sequence, as it is (numpy would turn it into one of its own types)."""
    return items[int(rng.integers(len(items)))]


def number(rng: np.random.Generator) -> float:
    """A number at a limit, or any."""
    return pick(rng, NUMBERS) if rng.random() < 0.7 else float(rng.normal(0, 10 ** rng.uniform(-3, 6)))


def anything(rng: np.random.Generator) -> Any:
    """A value of JSON of any type."""
    makers: tuple[Callable[[], Any], ...] = (
        lambda: number(rng),
        lambda: pick(rng, TEXTS),
        lambda: None,
        lambda: bool(rng.integers(2)),
        lambda: [],
        lambda: {},
        lambda: [number(rng) for _ in range(int(rng.integers(1, 5)))],
        lambda: {pick(rng, TEXTS): number(rng)},
        lambda: nested(int(pick(rng, (3, 60, 900, 20000)))),
        lambda: Unwritable("9" * int(pick(rng, (20, 400, 6000)))),
    )
    return pick(rng, makers)()


def nested(depth: int) -> Unwritable:
    """A list in a list in a list."""
    return Unwritable("[" * depth + "]" * depth)


class Unwritable:
    """JSON that Python will not write: nested deeper, or of more digits, than it allows."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return f"{self.text[:5]}... of {len(self.text)} characters"

    def __deepcopy__(self, memo: object) -> Unwritable:
        return self


def damage_json(rng: np.random.Generator, content: Any) -> tuple[str, Any]:
    """One to three changes anywhere in a JSON value: replaced, taken out, added, exchanged, wrapped."""
    content, words = copy.deepcopy(content), []
    for _ in range(int(rng.integers(1, 4))):
        said, content = _one_change(rng, content)
        words.append(said)
    return "; ".join(words), content


def _one_change(rng: np.random.Generator, content: Any) -> tuple[str, Any]:
    places = list(_places(content))
    if not places or rng.random() < 0.03:
        value = anything(rng)
        return f"the whole is {value!r:.60}", value
    holder, key, path = pick(rng, places)
    return f"{path}: {_change_at(rng, holder, key)}", content


def _change_at(rng: np.random.Generator, holder: Any, key: Any) -> str:
    way, value = rng.random(), anything(rng)
    if way < 0.15:
        del holder[key]
        return "taken out"
    if way < 0.25 and isinstance(holder, dict):
        holder[str(pick(rng, TEXTS))] = value
        return f"beside it {value!r:.60}"
    if (
        way < 0.35
        and isinstance(holder[key], int | float)
        and not isinstance(holder[key], bool)
        and abs(holder[key]) < 1e290
    ):
        value = holder[key] * pick(rng, (-1, 0, 1e-9, 0.5, 2, 1000, 1e9))
    elif way < 0.45 and isinstance(holder[key], str):
        value = holder[key] + pick(rng, TEXTS)
    elif way < 0.5 and not isinstance(holder[key], Unwritable):
        value = [holder[key]] * int(pick(rng, (1, 2, 300)))
    holder[key] = value
    return f"is {value!r:.60}"


def _places(content: Any, path: str = "") -> Any:
    """Every (holder, key, path) in a value."""
    items = content.items() if isinstance(content, dict) else enumerate(content) if isinstance(content, list) else ()
    for key, value in list(items):
        yield content, key, f"{path}.{key}".strip(".")
        yield from _places(value, f"{path}.{key}")


def json_text(rng: np.random.Generator, content: Any) -> bytes:
    """JSON with what only text can hold: NaN, deep nesting, keys twice, other encodings."""
    raw: list[str] = []
    text = json.dumps(content, ensure_ascii=bool(rng.integers(2)), default=lambda one: _kept(one, raw))
    text = _KEPT.sub(lambda found: raw[int(found[1])], text)
    if rng.random() < 0.05:
        text = text[:-1] + ", " + text[1:] if text.startswith("{") and len(text) > 2 else text * 2
    encoding = pick(rng, ("utf-8",) * 16 + ("utf-8-sig", "utf-16", "latin-1", "utf-32"))
    return text.encode(encoding, errors="surrogatepass" if encoding.startswith("utf") else "replace")


_KEPT = re.compile(r'"@(\d+)@"')


def _kept(one: Unwritable, raw: list[str]) -> str:
    raw.append(one.text)
    return f"@{len(raw) - 1}@"


def damage_bytes(rng: np.random.Generator, content: bytes) -> tuple[str, bytes]:
    """One change of raw bytes: flipped, cut, filled, repeated, moved, or lengths written over."""
    data = bytearray(content)
    if not data:
        return "left empty", b""
    at = int(rng.integers(len(data))) if rng.random() < 0.5 else int(rng.integers(min(len(data), 512)))
    run = int(min(len(data) - at, 2 ** rng.integers(0, 12)))
    ways: dict[str, Callable[[], bytes]] = {
        "cut off": lambda: bytes(data[:at]),
        "flipped a bit": lambda: bytes(data[:at] + bytes([data[at] ^ (1 << int(rng.integers(8)))]) + data[at + 1 :]),
        "taken out": lambda: bytes(data[:at] + data[at + run :]),
        "random": lambda: bytes(data[:at]) + rng.bytes(run) + bytes(data[at + run :]),
        "zeros": lambda: bytes(data[:at]) + bytes(run) + bytes(data[at + run :]),
        "ones": lambda: bytes(data[:at]) + b"\xff" * run + bytes(data[at + run :]),
        "repeated": lambda: bytes(data[: at + run] + data[at:]),
        "put in front": lambda: bytes(data[at : at + run] + data),
        "put behind": lambda: bytes(data) + rng.bytes(run),
    }  # fmt: skip
    name = pick(rng, list(ways))
    return f"{run} bytes from {at} {name}", ways[name]()
