"""Catalogs of GNU gettext: ``.po`` as translators write them, made into what Python's ``gettext`` reads.

The standard library reads compiled catalogs alone. These are compiled when they are loaded, so that nothing
compiled lies beside its source. Contexts (``msgctxt``) are not used here and are refused.
"""

from __future__ import annotations

import ast
import re
import struct
from dataclasses import dataclass

_MAGIC = 0x950412DE
_HEADER_BYTES = 28
_FIELD = re.compile(r"^(?:(msgid|msgid_plural|msgstr|msgctxt)(?:\[(\d+)\])?\s+)?(\".*\")$")


@dataclass(frozen=True)
class Entry:
    """One text of a catalog.

    Attributes:
        text: English; for numbers the form for one.
        plural: English for several; empty for a text without a number.
        said: The translation, in the catalog's order of plural forms.
        is_fuzzy: A translator must look at it; it is not used.
    """

    text: str
    plural: str
    said: tuple[str, ...]
    is_fuzzy: bool = False


def read_po(text: str) -> list[Entry]:
    """Read a catalog, the header (of an empty text) first.

    Raises:
        ValueError: A line is none of such a file; the message has its number.
    """
    entries = []
    fields: dict[tuple[str, int], str] = {}
    last, flags = ("", 0), ""
    for number, line in enumerate([*text.splitlines(), ""], start=1):
        stripped = line.strip()
        if not stripped:
            entries += _entry(fields, flags)
            fields, flags = {}, ""
        elif stripped.startswith("#"):
            flags += stripped if stripped.startswith("#,") else ""
        else:
            name, index, quoted = _parsed(stripped, number)
            last = (name, index) if name else last
            fields[last] = fields.get(last, "") + quoted
    return entries


def _parsed(line: str, number: int) -> tuple[str, int, str]:
    found = _FIELD.match(line)
    if found is None or found[1] == "msgctxt":
        raise ValueError(f"line {number} is no line of a catalog: {line[:60]}")
    try:
        # The escapes of C that gettext uses are those of Python.
        quoted = ast.literal_eval(found[3])
    except (SyntaxError, ValueError) as error:
        raise ValueError(f"line {number} has no closed text: {line[:60]}") from error
    return found[1] or "", int(found[2] or 0), str(quoted)


def _entry(fields: dict[tuple[str, int], str], flags: str) -> list[Entry]:
    if ("msgid", 0) not in fields:
        return []
    said = tuple(text for (name, _), text in sorted(fields.items()) if name == "msgstr")
    return [Entry(fields["msgid", 0], fields.get(("msgid_plural", 0), ""), said, "fuzzy" in flags)]


def machine_catalog(entries: list[Entry]) -> bytes:
    """Compile a catalog into the form of ``.mo`` files (GNU gettext manual, 10.3), without a hash table."""
    used = [entry for entry in entries if any(entry.said) and not entry.is_fuzzy]
    pairs = sorted(
        ("\0".join(filter(None, [entry.text, entry.plural])).encode(), "\0".join(entry.said).encode())
        for entry in used
    )
    keys, values = ([pair[side] for pair in pairs] for side in (0, 1))
    start = _HEADER_BYTES + 2 * 8 * len(pairs)
    tables, texts = b"", b""
    for each in (keys, values):
        for text in each:
            tables += struct.pack("<II", len(text), start + len(texts))
            texts += text + b"\0"
    header = struct.pack("<7I", _MAGIC, 0, len(pairs), _HEADER_BYTES, _HEADER_BYTES + 8 * len(pairs), 0, start)
    return header + tables + texts
