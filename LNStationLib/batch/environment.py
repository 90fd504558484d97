"""Which program decides an outcome: versions, code, tables, model packages, switches."""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import platform
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from LNStationLib import __version__
from LNStationLib.batch.contents import sha256_of
from LNStationLib.imaging.dicom_files import files_under
from LNStationLib.models.package.folders import find_package, list_packages
from LNStationLib.models.package.reading import read_manifest
from LNStationLib.state.settings import STEPS, Settings
from LNStationLib.support.resources import resource_path

PACKAGES = (
    "connected-components-3d", "edt", "monai", "nibabel", "numpy", "openvino", "picsl-greedy", "pydicom",
    "scikit-image", "scipy", "simpleitk", "torch",
)  # fmt: skip
"""Those whose versions can change a voxel or a number."""
_UNDECIDING_ROOMS = ("cli", "phantom", "worker")
"""Their code decides no outcome, nor does that of ``batch``; but ``batch.studies`` chooses series."""
_TABLES = ("Anatomy", "Atlases", "Dicom", "Organs", "Quality", "Report", "Settings", "Staging")
"""Folders of ``Resources`` that do."""
_SWITCHES = "LNSTATION_NO_"
"""Begins the names of environment variables that rule networks out."""


class Environment(BaseModel):
    """What two processes must share to give the same outcome."""

    model_config = ConfigDict(frozen=True)

    lnstation: str
    code: str
    packages: dict[str, str]
    models: dict[str, str]
    switches: dict[str, str]

    def digest(self) -> str:
        """One word for all of it."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()

    def difference(self, other: Environment) -> str:
        """The first thing in which another environment differs, in words; empty where in nothing."""
        if self.lnstation != other.lnstation:
            return f"LNStation {other.lnstation} instead of {self.lnstation}"
        for what in ("packages", "models", "switches"):
            mine, its = getattr(self, what), getattr(other, what)
            for name in sorted({*mine, *its}):
                if mine.get(name) != its.get(name):
                    return f"{name} {_short(its.get(name))} instead of {_short(mine.get(name))}"
        return "" if self.code == other.code else f"LNStation {self.lnstation} with other code or tables"


def environment_for(settings: Settings) -> Environment:
    """The environment of this process.

    Raises:
        PackageError: A model package of the settings cannot be used.
    """
    return Environment(
        lnstation=__version__,
        code=_code_digest(),
        packages=_packages(),
        models=dict(_models(settings)),
        switches={name: value for name, value in sorted(os.environ.items()) if name.startswith(_SWITCHES)},
    )


def _short(value: str | None) -> str:
    return "none" if value is None else value[:12]


@lru_cache(maxsize=1)
def _packages() -> dict[str, str]:
    found = {"python": ".".join(platform.python_version_tuple()[:2])}
    for name in PACKAGES:
        try:
            # Builds of one version for several devices ("+cpu") may work side by side.
            found[name] = importlib.metadata.version(name).partition("+")[0]
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


@lru_cache(maxsize=1)
def _code_digest() -> str:
    """Digest of the library's code and tables: between two versions developers change them every hour."""
    package = Path(__file__).resolve().parents[1]
    code = [path for path in sorted(package.rglob("*.py")) if _decides(path.relative_to(package))]
    tables = [path for name in _TABLES for path in files_under(resource_path(name))]
    return _digest([*code, *tables])


def _decides(path: Path) -> bool:
    """Whether a file, by its path in the library, decides an outcome."""
    return path.parts[0] not in _UNDECIDING_ROOMS and path.parent != Path("batch")


def _digest(files: list[Path]) -> str:
    lines = (f"{path.parent.name}/{path.name}\0{sha256_of(path)}" for path in files)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _models(settings: Settings) -> Iterator[tuple[str, str]]:
    """Digests of the cards of model packages, which hold those of the weights; and of atlases that were named."""
    for found in list_packages():
        if found.manifest is not None and found.source == "shipped":
            yield f"{found.manifest.package_id} (shipped)", _text_digest(found.manifest.model_dump_json())
    for step in STEPS:
        for method, options in settings.of(step).options.items():
            if options.get("model"):
                card = read_manifest(find_package(str(options["model"]))).model_dump_json()
                yield f"model of {step}.{method}", _text_digest(card)
            if options.get("atlases"):
                yield f"atlases of {step}.{method}", _atlas_digest(Path(str(options["atlases"])))


def _text_digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _atlas_digest(path: Path) -> str:
    return _digest(files_under(path) if path.is_dir() else [path] if path.exists() else [])
