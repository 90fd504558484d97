"""What methods that judge by a model package do alike: its operating point, its warnings, its provenance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from LNStationLib import __version__
from LNStationLib.models.package.manifest import Manifest
from LNStationLib.models.package.probability import OperatingPoint, ProbabilitySection
from LNStationLib.state.assessment import Provenance
from LNStationLib.state.method import Method, MethodOptions
from LNStationLib.state.provenance import settings_record
from LNStationLib.state.reason_codes import recorded
from LNStationLib.state.settings import Settings
from LNStationLib.support.errors import InputError
from LNStationLib.support.reason import Reason


class JudgingNetwork(Protocol):
    """A network of a verified package, ready to be asked."""

    @property
    def manifest(self) -> Manifest[Any]:
        """Of its package."""

    @property
    def section(self) -> ProbabilitySection:
        """What the package says of its probabilities."""

    @property
    def device(self) -> str:
        """Where it runs."""

    @property
    def engine(self) -> str:
        """What runs it."""


def operating_point_of(network: JudgingNetwork, name: str | None) -> OperatingPoint:
    """An operating point of the package; its first without a name.

    Raises:
        InputError: The package does not have it.
    """
    try:
        return network.section.operating_point(name)
    except ValueError as error:
        raise InputError(f"the model package {network.manifest.package_id} has {error}.") from error


def package_warnings(network: JudgingNetwork) -> list[Reason]:
    """What a reader must know of the package's probabilities."""
    card = network.manifest
    warnings = []
    if card.trained_on == "synthetic":
        warnings.append(Reason("probabilities_of_synthetic_model", {"package": card.package_id}))
    if network.section.calibration is None:
        warnings.append(Reason("not_calibrated", {"package": card.package_id}))
    return warnings


def package_provenance(
    network: JudgingNetwork,
    method: Method,
    settings: Settings,
    options: MethodOptions,
    thresholds: Mapping[str, Any],
    seconds: float,
    warnings: Sequence[Reason],
) -> Provenance:
    """Provenance of a step of metastasis that a package did.

    Args:
        network: That judged.
        method: That asked it.
        settings: Of the case.
        options: Of the method.
        thresholds: Name of the operating point and what follows from it, in the order in which they are shown.
        seconds: It took.
        warnings: For the reader.
    """
    card = network.manifest
    used = {
        "model": card.package_id,
        **thresholds,
        "calibrated": network.section.calibration is not None,
        "ran_on": network.device,
        "engine": network.engine,
    }
    return Provenance(
        step="metastasis",
        implementation=method.name,
        version=__version__,
        seconds=round(seconds, 3),
        settings=settings_record(settings.metastasis, method, options) | used,
        model_package=card.package_id,
        model_version=card.version,
        model_sha256=card.sha256,
        trained_on=card.trained_on,
        references=list(dict.fromkeys([*method.references, *card.references])),
        **recorded(warnings),
    )
