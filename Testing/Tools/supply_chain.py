"""What LNStation is made of: wheels' hashes, a bill of materials, licenses, and known vulnerabilities of the pins.

    python -m Testing.Tools.supply_chain lock                  # after a change of the pins; asks the index
    python -m Testing.Tools.supply_chain sbom --out sbom.json  # CycloneDX 1.6
    python -m Testing.Tools.supply_chain licenses              # writes docs/licenses.md; a test compares
    python -m Testing.Tools.supply_chain advisories FILE_OR_FOLDER   # OSV records, from wherever they were fetched

Licenses and dependencies are read from the packages that are installed, so the environment must be that of ``run.py
test``. Only ``lock`` needs a network.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import re
import shutil
import subprocess
import sys
import uuid
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from LNStationLib import __version__
from LNStationLib.models.package.reading import read_manifest
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
def advisories(source: Annotated[Path, typer.Argument(help="OSV records: JSON file, folder or zip.")]) -> None:
    """Hold the pins against records of known vulnerabilities; leaves with 1 where one is affected."""
    records = list(advisories_in(source))
    found = list(affected_pins(records))
    for name, version, advisory in found:
        print(f"{name} {version}: {advisory.id} {advisory.summary}")
    n_pins = len({**pins(), **locked()})
    print(f"{len(records)} records of {source.name}, {n_pins} pins: {len(found)} affected.")
    raise typer.Exit(int(bool(found)))


def affected_pins(records: Iterable[Advisory]) -> Iterator[tuple[str, str, Advisory]]:
    """Each pin that a record is about, with the record."""
    versions = {**pins(), **locked()}
    for record in records:
        for name, version in affecting(record, versions):
            yield name, version, record


if __name__ == "__main__":
    app()
