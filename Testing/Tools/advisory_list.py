"""The list of known vulnerabilities that lies in the repository: facts of records about the packages that are pinned.

The facts come from records of the databases of the Python Packaging Authority (https://github.com/pypa/advisory-database)
and of GitHub (https://github.com/github/advisory-database), both CC-BY-4.0; summaries are ours.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from LNStationLib.support.atomic_files import write_atomically
from Testing.Tools.osv import Advisory, about, advisories_in, outside_ranges

LIST = Path(__file__).with_name("advisories.json")
EXCEPTIONS = Path(__file__).with_name("advisory_exceptions.json")
_DAY_CHARACTERS = len("2026-01-31")
_HEAD: Mapping[str, str] = {
    "about": "Known vulnerabilities of pinned packages, held against the pins by Testing/Tools/supply_chain.py.",
    "license": "Facts of the advisory databases of the PyPA and of GitHub, CC-BY-4.0; summaries are our own.",
    "sources": "https://github.com/pypa/advisory-database https://github.com/github/advisory-database https://osv.dev",
    "renewed by": "python -m Testing.Tools.supply_chain advisories --renew all.zip",
}


@dataclass(frozen=True)
class Exempt:
    """A pin that a record names and that stays as it is.

    Attributes:
        id: A name of the vulnerability.
        package: Normalized name.
        version: The pin that the reason was found for; another pin asks again.
        reason: Why the record does not apply.
    """

    id: str
    package: str
    version: str
    reason: str


def exceptions() -> list[Exempt]:
    """What was looked into and left as it is."""
    return [Exempt(**one) for one in json.loads(EXCEPTIONS.read_text(encoding="utf-8"))]


def exemption(name: str, version: str, record: Advisory, known: Iterable[Exempt]) -> Exempt | None:
    """The exception that holds for a pin and a record, if there is one."""
    fitting = (each for each in known if each.id in record.names())
    return next((each for each in fitting if (each.package, each.version) == (name, version)), None)


def newest_day(records: Iterable[Advisory]) -> str:
    """The day of the last change of any record, as ``"2026-01-31"``; "an unknown day" where none says so."""
    return max((each.modified for each in records), default="")[:_DAY_CHARACTERS] or "an unknown day"


def day_of(source: Path, records: Iterable[Advisory]) -> str:
    """The day that a source stands for: what a list of ours says at its top, else that of its newest record."""
    if source.suffix == ".json":
        content = json.loads(source.read_bytes())
        if isinstance(content, dict) and "as_of" in content:
            return str(content["as_of"])
    return newest_day(records)


def renew(source: Path, names: Collection[str], out: Path = LIST) -> int:
    """Write the facts about packages of those normalized names from newer records; gives the number of records.

    Summaries of ours are kept by the record's name; new records have none.
    """
    records = list(advisories_in(source))
    kept = {each.id: each.summary for each in advisories_in(out)} if out.is_file() else {}
    lines = [json.dumps(one) for one in _facts(records, names, kept)]
    said = {**_HEAD, "gathered": f"from {source.name}", "as_of": newest_day(records)}
    head = json.dumps(said, indent=1)[: -len("\n}")]
    write_atomically(out, f'{head},\n "records": [\n' + ",\n".join(lines) + "\n]}\n")
    return len(lines)


def _facts(
    records: Iterable[Advisory], names: Collection[str], summaries: Mapping[str, str]
) -> Iterator[dict[str, Any]]:
    for record in sorted(records, key=lambda each: each.id):
        affected = [_fact_of(one) for one in about(record, names)]
        if affected:
            yield {
                "id": record.id,
                "aliases": list(record.aliases),
                "published": record.published,
                "modified": record.modified,
                "summary": summaries.get(record.id, ""),
                "severity": list(record.severity),
                "affected": affected,
            }


def _fact_of(affected: Mapping[str, Any]) -> dict[str, Any]:
    """Package and versions; the single ones only where no range holds them."""
    package = {key: affected["package"][key] for key in ("ecosystem", "name")}
    ranges = [
        {"type": each["type"], "events": [event for event in each["events"] if event]}
        for each in affected.get("ranges") or ()
        if each.get("type") == "ECOSYSTEM"
    ]
    said = {"ranges": ranges, "versions": outside_ranges(affected)}
    return {"package": package, **{key: value for key, value in said.items() if value}}
