"""What LNStation is made of: wheels' hashes, a bill of materials, licenses, and known vulnerabilities of the pins.

    python -m Testing.Tools.supply_chain lock                  # after a change of the pins; asks the index
    python -m Testing.Tools.supply_chain sbom --out sbom.json  # CycloneDX 1.6
    python -m Testing.Tools.supply_chain licenses              # writes docs/licenses.md; a test compares
    python -m Testing.Tools.supply_chain advisories            # the pins against the list of known vulnerabilities
    python -m Testing.Tools.supply_chain advisories FILE       # against newer OSV records: JSON, folder or zip
    python -m Testing.Tools.supply_chain advisories --renew all.zip  # writes the list anew from them

Licenses and dependencies are read from the packages that are installed, so the environment must be that of ``run.py
test``. Only ``lock`` needs a network. Records of all Python packages are one zip: https://osv.dev names the address
(``PyPI/all.zip``).
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import re
import shutil
import subprocess
import sys
import tomllib
import uuid
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from LNStationLib import __version__
from LNStationLib.models.package.reading import read_manifest
from Testing.Tools import advisory_list
from Testing.Tools.osv import Advisory, advisories_in, affecting
from Testing.Tools.worker_requirements import FOLDER, ROOT, needed_by, normalized

LICENSES = ROOT / "docs" / "licenses.md"
LOCKS: Mapping[str, tuple[str, ...]] = {
    "lock.txt": ("requirements.txt",),
    "lock-networks.txt": ("requirements.txt", "requirements-networks.txt", "requirements-openvino.txt"),
}
"""Files of hashes in ``Resources/Worker`` and the lists that each covers."""
OLDEST_PYTHON = "3.11"
_HEAD = "# Made by `python -m Testing.Tools.supply_chain lock` from the lists beside it; not edited by hand.\n"
_SHORT_CHARACTERS = 300
"""Some packages put the whole text of their license where its name belongs."""
_NO_LICENSE = ("UNKNOWN", "", "LICENSE", "SEE LICENSE FILE")
_OF_OTHER_SYSTEMS = "of another system than the one that made this list"

app = typer.Typer(help=__doc__, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


def pins() -> dict[str, str]:
    """Version by normalized name, of everything that a set-up may bring."""
    text = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    groups = project["optional-dependencies"].values()
    return _versions([*lines, *project["dependencies"], *(line for group in groups for line in group)])


def build_pins() -> dict[str, str]:
    """Version by normalized name, of what builds the wheel."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return _versions(project["build-system"]["requires"])


def all_pins() -> set[tuple[str, str]]:
    """Normalized names and versions of everything that is pinned anywhere."""
    return {pin for one in (pins(), locked(), build_pins()) for pin in one.items()}


def _versions(lines: Iterable[str]) -> dict[str, str]:
    return {normalized(name): version for name, _, version in (line.partition("==") for line in lines)}


def locked() -> dict[str, str]:
    """Version by normalized name of everything that the worker in Slicer may install, on any system."""
    return _pins_of((FOLDER / "lock-networks.txt").read_text("utf-8"))


def _pins_of(lock_text: str) -> dict[str, str]:
    found = re.findall(r"^([\w.-]+)==([^\s;\\]+)", lock_text, re.MULTILINE)
    return {normalized(name): version for name, version in found}


# Hashes


@app.command()
def lock() -> None:
    """Write the hashes of all wheels of the worker's packages, for every system that there are wheels for."""
    for name, lists in LOCKS.items():
        text = compiled([FOLDER / each for each in lists])
        (FOLDER / name).write_text(_HEAD + text, encoding="utf-8")
        print(f"{name}: {len(_pins_of(text))} packages, {text.count('--hash=')} files")


def compiled(lists: Iterable[Path]) -> str:
    """The packages of lists and all that they need, each with the hashes of its files, as pip reads them."""
    program = shutil.which("uv")
    if program is None:
        sys.exit("uv is missing: install it (a package of that name), then run this again.")
    options = ["--generate-hashes", "--universal", "--python-version", OLDEST_PYTHON, "--no-header", "--no-annotate"]
    command = [program, "pip", "compile", *options, "--quiet", "-c", str(FOLDER / "constraints.txt")]
    command += ["--no-emit-index-url", "--no-emit-find-links", *map(str, lists)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


# Bill of materials


@app.command()
def sbom(
    out: Annotated[Path | None, typer.Option(help="File; standard output where not given.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Also what only developers install.")] = False,
) -> None:
    """Write a bill of materials in CycloneDX 1.6: packages with licenses and dependencies, and model packages."""
    wanted = pins() if everything else locked()
    text = json.dumps(bill(wanted), indent=1) + "\n"
    if out is None:
        typer.echo(text, nl=False)
    else:
        out.write_text(text, encoding="utf-8")


def bill(versions: Mapping[str, str]) -> dict[str, Any]:
    """The bill of materials of packages by version, as a JSON object; the same packages give the same bytes."""
    packages = [_package_component(name, version) for name, version in sorted(versions.items())]
    models = [_model_component(path) for path in sorted((ROOT / "Resources" / "Models").glob("*.zip"))]
    root = {"type": "application", "name": "lnstation", "version": __version__, "bom-ref": "lnstation"}
    license_of_all = [{"license": {"id": "Apache-2.0"}}]
    everything = [*packages, *models]
    content = {
        "metadata": {"component": {**root, "licenses": license_of_all}},
        "components": everything,
        "dependencies": [
            {"ref": "lnstation", "dependsOn": sorted(each["bom-ref"] for each in everything)},
            *({"ref": _purl(*pin), "dependsOn": _needs(pin[0], versions)} for pin in sorted(versions.items())),
        ],
    }
    serial = uuid.uuid5(uuid.NAMESPACE_OID, json.dumps(content, sort_keys=True))
    form = {"bomFormat": "CycloneDX", "specVersion": "1.6", "serialNumber": f"urn:uuid:{serial}", "version": 1}
    return form | content


def _package_component(name: str, version: str) -> dict[str, Any]:
    purl = _purl(name, version)
    component: dict[str, Any] = {"type": "library", "name": name, "version": version, "purl": purl, "bom-ref": purl}
    found = license_of(name)
    return component if found is None else {**component, "licenses": [{"license": {"name": found}}]}


def _model_component(path: Path) -> dict[str, Any]:
    card = read_manifest(path)
    return {
        "type": "machine-learning-model",
        "name": card.package_id,
        "version": card.version,
        "bom-ref": f"model:{card.package_id}@{card.version}",
        "description": f"{card.title}; trained on {card.trained_on} patients",
        "licenses": [{"license": {"name": card.licence}}],
        "hashes": [{"alg": "SHA-256", "content": hashlib.sha256(path.read_bytes()).hexdigest()}],
    }


def _purl(name: str, version: str) -> str:
    return f"pkg:pypi/{name}@{version}"


def _needs(name: str, versions: Mapping[str, str]) -> list[str]:
    try:
        return sorted(_purl(each, versions[each]) for each in needed_by(name) if each in versions)
    except importlib.metadata.PackageNotFoundError:
        return []


# Licenses


@app.command()
def licenses() -> None:
    """Write the list of licenses."""
    LICENSES.write_text(license_page(), encoding="utf-8")


def license_of(name: str) -> str | None:
    """The license of a package as its metadata name it; ``None`` where it is not installed, or names none."""
    try:
        metadata = importlib.metadata.metadata(name)
    except importlib.metadata.PackageNotFoundError:
        return None
    named = [metadata.get("License-Expression"), metadata.get("License")]
    short = [one.strip() for one in named if one and "\n" not in one.strip() and len(one) < _SHORT_CHARACTERS]
    classes = [
        line.split(" :: ")[-1] for line in metadata.get_all("Classifier") or () if line.startswith("License ::")
    ]
    usable = [one for one in short if one.upper() not in _NO_LICENSE]
    return usable[0] if usable else " and ".join(dict.fromkeys(classes)) or None


def license_page() -> str:
    """``docs/licenses.md``."""
    shipped, everything = locked(), pins()
    rows = [
        f"| {name} | {version} | {license_of(name) or _OF_OTHER_SYSTEMS} | {'yes' if name in shipped else ''} |"
        for name, version in sorted({**everything, **shipped}.items())
    ]
    head = (
        "# Licenses of what LNStation uses\n"
        "Made by `python -m Testing.Tools.supply_chain licenses` from the metadata of installed packages; a test\n"
        "holds it current. Nothing of these packages is in this repository. LNStation and its model packages are\n"
        "Apache-2.0; models of others keep the license on their card.\n\n"
        "| package | version | license | installed by Slicer |\n| --- | --- | --- | --- |\n"
    )
    return head + "\n".join(rows) + "\n"


# Known vulnerabilities


@app.command()
def advisories(
    source: Annotated[
        Path, typer.Argument(help="OSV records: JSON file, folder or zip; where not given, the repository's list.")
    ] = advisory_list.LIST,
    renew: Annotated[bool, typer.Option(help="First renew the repository's list from those records.")] = False,
) -> None:
    """Hold the pins against records of known vulnerabilities; leaves with 1 where one is affected."""
    records = list(advisories_in(source))
    if renew:
        n_kept = advisory_list.renew(source, {name for name, _ in all_pins()})
        print(f"{advisory_list.LIST.name}: {n_kept} records about pinned packages")
    n_affected = _print_affected(affected_pins(records))
    day = advisory_list.day_of(source, records)
    print(f"{len(records)} records of {source.name} as of {day}, {len(all_pins())} pins: {n_affected} affected.")
    raise typer.Exit(int(n_affected > 0))


def affected_pins(records: Iterable[Advisory]) -> Iterator[tuple[str, str, Advisory]]:
    """Each pin that a record is about, with the record."""
    pinned = sorted(all_pins())
    for record in records:
        for name, version in pinned:
            yield from ((*hit, record) for hit in affecting(record, {name: version}))


def _print_affected(found: Iterable[tuple[str, str, Advisory]]) -> int:
    """A line for each; gives how many are affected and not excepted."""
    known, n_affected = advisory_list.exceptions(), 0
    for name, version, record in found:
        exempt = advisory_list.exemption(name, version, record, known)
        n_affected += exempt is None
        fixed = record.fixed_in(name) or "no version that it names"
        remedy = f"left as it is: {exempt.reason}" if exempt else f"fixed in {fixed}"
        print(f"{name} {version}: {record.id} {record.summary or '(no summary)'}; {remedy}")
    return n_affected


if __name__ == "__main__":
    app()
