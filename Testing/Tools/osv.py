"""Records of known vulnerabilities in the form of OSV (https://ossf.github.io/osv-schema/), held against pins."""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from packaging.version import InvalidVersion, Version

from Testing.Tools.worker_requirements import normalized

ECOSYSTEM = "PyPI"
_KINDS = ("introduced", "fixed", "last_affected")
_RELEASE = re.compile(r"\s*v?(\d+(?:\.\d+)*)")
_OLDEST = Version("0.dev0")


@dataclass(frozen=True)
class Advisory:
    """One record.

    Attributes:
        id: Its name.
        summary: One line.
        affected: What it says is affected, as the record has it.
        aliases: Names of the same vulnerability elsewhere, such as CVE numbers.
        modified: When the record was last changed, as ISO 8601; empty where it does not say.
        published: When it was first published, likewise.
        severity: Scores, as the record has them.
    """

    id: str
    summary: str
    affected: tuple[Mapping[str, Any], ...]
    aliases: tuple[str, ...] = ()
    modified: str = ""
    published: str = ""
    severity: tuple[Mapping[str, Any], ...] = field(default=())

    def names(self) -> frozenset[str]:
        """All names of the vulnerability."""
        return frozenset((self.id, *self.aliases))

    def fixed_in(self, name: str) -> str:
        """The versions that mend a package, in words; empty where the record names none."""
        events = [event for one in self.affected if _name_of(one) == name for event in _events(one)]
        return ", ".join(event["fixed"] for event in events if "fixed" in event)


def advisories_in(source: Path) -> Iterator[Advisory]:
    """The records of a JSON file (one, a list, or a list under ``records``), of a folder of such files, or of a zip.

    Withdrawn records are left out.

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
    if isinstance(content, dict) and "records" in content:
        content = content["records"]
    for one in content if isinstance(content, list) else [content]:
        if not isinstance(one, dict) or "id" not in one:
            raise ValueError(f"{name} is not an OSV record")
        if not one.get("withdrawn"):
            yield _advisory(one)


def _advisory(record: Mapping[str, Any]) -> Advisory:
    return Advisory(
        str(record["id"]),
        str(record.get("summary") or ""),
        tuple(record.get("affected") or ()),
        tuple(map(str, record.get("aliases") or ())),
        str(record.get("modified") or ""),
        str(record.get("published") or ""),
        tuple(record.get("severity") or ()),
    )


def affecting(record: Advisory, versions: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Names and versions that a record is about.

    Args:
        record: The record.
        versions: Version by normalized name.
    """
    for affected in record.affected:
        name = _name_of(affected)
        if name in versions and _is_affected(affected, versions[name]):
            yield name, versions[name]


def about(record: Advisory, names: Iterable[str]) -> Iterator[Mapping[str, Any]]:
    """What a record says of packages of those normalized names."""
    wanted = set(names)
    return (one for one in record.affected if _name_of(one) in wanted)


def outside_ranges(affected: Mapping[str, Any]) -> list[str]:
    """The versions that are listed singly and that no range holds."""
    ranges = [each.get("events") or () for each in _ranges(affected)]
    listed = [str(each) for each in affected.get("versions") or ()]
    return [each for each in listed if not any(_in_range(one, _version(each) or _OLDEST) for one in ranges)]


def _name_of(affected: Mapping[str, Any]) -> str:
    """The normalized name of a Python package; empty for packages of other languages."""
    package = affected.get("package") or {}
    return normalized(str(package.get("name", ""))) if package.get("ecosystem") == ECOSYSTEM else ""


def _is_affected(affected: Mapping[str, Any], version: str) -> bool:
    at = Version(version)
    return at in {_version(each) for each in affected.get("versions") or ()} or any(
        _in_range(each.get("events") or (), at) for each in _ranges(affected)
    )


def _ranges(affected: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Ranges of versions, not those of commits."""
    return (each for each in affected.get("ranges") or () if each.get("type") == "ECOSYSTEM")


def _events(affected: Mapping[str, Any]) -> Iterator[Mapping[str, str]]:
    return (event for each in _ranges(affected) for event in each.get("events") or ())


def _in_range(events: Iterable[Mapping[str, str]], version: Version) -> bool:
    """Whether a version lies behind an ``introduced`` and before the next ``fixed``, or up to ``last_affected``."""
    inside = False
    for at, kind in _sorted(events):
        if kind == "introduced" and version >= at:
            inside = True
        elif (kind == "fixed" and version >= at) or (kind == "last_affected" and version > at):
            inside = False
    return inside


def _sorted(events: Iterable[Mapping[str, str]]) -> list[tuple[Version, str]]:
    """Events in the order of their versions; an end that names no version is no end."""
    read = [(_version(text), kind) for event in events for kind, text in event.items() if kind in _KINDS]
    known = [(at or _OLDEST, kind) for at, kind in read if at is not None or kind == "introduced"]
    return sorted(known, key=lambda one: one[0])


def _version(text: str) -> Version | None:
    """A version by PEP 440; else the release that it begins with ("2.6.0-NA" in NVD's records); else ``None``."""
    try:
        return Version(text)
    except InvalidVersion:
        release = _RELEASE.match(text)
        return Version(release[1]) if release else None
