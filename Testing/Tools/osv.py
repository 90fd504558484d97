"""Records of known vulnerabilities in the form of OSV (https://ossf.github.io/osv-schema/), held against pins."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.version import InvalidVersion, Version

from Testing.Tools.worker_requirements import normalized

ECOSYSTEM = "PyPI"


@dataclass(frozen=True)
class Advisory:
    """One record.

    Attributes:
        id: Its name.
        summary: One line.
        affected: What it says is affected, as the record has it.
    """

    id: str
    summary: str
    affected: tuple[Mapping[str, Any], ...]


def advisories_in(source: Path) -> Iterator[Advisory]:
    """The records in a JSON file (one, or a list), in a folder of such files, or in a zip of them.

    Raises:
        ValueError: A file is not of that form.
    """
    if source.is_dir():
        for path in sorted(source.rglob("*.json")):
            yield from _records(path.name, path.read_bytes())
    elif zipfile.is_zipfile(source):
        with zipfile.ZipFile(source) as archive:
            for name in sorted(archive.namelist()):
                if name.endswith(".json"):
                    yield from _records(name, archive.read(name))
    else:
        yield from _records(source.name, source.read_bytes())


def _records(name: str, text: bytes) -> Iterator[Advisory]:
    content = json.loads(text)
    for one in content if isinstance(content, list) else [content]:
        if not isinstance(one, dict) or "id" not in one:
            raise ValueError(f"{name} is no OSV record")
        if not one.get("withdrawn"):
            yield Advisory(str(one["id"]), str(one.get("summary", "")), tuple(one.get("affected", ())))


def affecting(record: Advisory, versions: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Names and versions that a record is about.

    Args:
        record: The record.
        versions: Version by normalized name.
    """
    for affected in record.affected:
        package = affected.get("package", {})
        name = normalized(str(package.get("name", "")))
        if package.get("ecosystem") == ECOSYSTEM and name in versions and _is_affected(affected, versions[name]):
            yield name, versions[name]


def _is_affected(affected: Mapping[str, Any], version: str) -> bool:
    listed = {_version(each) for each in affected.get("versions", ())}
    ranges = (each for each in affected.get("ranges", ()) if each.get("type") == "ECOSYSTEM")
    return _version(version) in listed or any(_in_range(each.get("events", ()), _version(version)) for each in ranges)


def _in_range(events: Any, version: Version) -> bool:
    """Whether a version lies behind an ``introduced`` and before the next ``fixed``, or up to ``last_affected``."""
    inside = False
    for event in sorted(events, key=lambda one: _version(next(iter(one.values())))):
        ((kind, text),) = event.items()
        at = _version(text)
        if kind == "introduced" and version >= at:
            inside = True
        elif (kind == "fixed" and version >= at) or (kind == "last_affected" and version > at):
            inside = False
    return inside


def _version(text: str) -> Version:
    """A version; what is none comes before all."""
    try:
        return Version(text)
    except InvalidVersion:
        return Version("0")
