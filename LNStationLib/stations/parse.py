"""The stations step: the chosen method, checked by another one where the options ask for it."""

from __future__ import annotations

from LNStationLib.case.case import Case
from LNStationLib.models.package.folders import find_package
from LNStationLib.models.package.reading import read_manifest, section_of
from LNStationLib.models.package.sections import section_model
from LNStationLib.networks.installation import check_installed
from LNStationLib.state.method import MethodOptions
from LNStationLib.state.patient_state import PatientState
from LNStationLib.state.settings import Settings
from LNStationLib.state.station_map import StationMap
from LNStationLib.stations.comparison import ComparisonOptions, compared
from LNStationLib.stations.method import ChecksItself, StationMethod
from LNStationLib.stations.registry import METHODS
from LNStationLib.support.errors import InputError
from LNStationLib.support.progress import Progress, portion


def parse_stations(
    method: StationMethod, state: PatientState, options: MethodOptions, progress: Progress
) -> StationMap:
    """Parse the stations by a method and doubt those on which the method that it is compared with disagrees.

    Args:
        method: The chosen one.
        state: With the CT on the working grid and the organs on it.
        options: Of the method.
        progress: Told the running step.

    Raises:
        InputError: The method to compare with is unknown, is the method itself, or cannot run.
    """
    other = _other(method, options)
    if other is None:
        return method.run(state, options, progress)
    own = method.run(state, options, portion(progress, 0.0, 0.5))
    theirs = other.run(state, METHODS.options(other, state.settings), portion(progress, 0.5, 1.0))
    assert isinstance(options, ComparisonOptions)
    return compared(own, theirs, other.title, options)


def check_stations(settings: Settings, case: Case) -> None:
    """Make sure, before the long work, that the chosen method, and the one to compare with, can run.

    Raises:
        InputError: There is no such method, the case lacks what one needs, or the packages for networks are missing.
        PackageError: A model package is missing, cannot be read, or was made for another task.
    """
    method = METHODS.chosen(settings, case)
    options = METHODS.options(method, settings)
    check_ready(method, options)
    other = _other(method, options)
    if other is not None:
        lacking = [need.title for need in other.needs if not need.met(case)]
        if lacking:
            raise InputError(f"stations are to be compared with '{other.name}' but the case has no {lacking[0]}.")
        check_ready(other, METHODS.options(other, settings))


def _other(method: StationMethod, options: MethodOptions) -> StationMethod | None:
    """The method to compare with; ``None`` where there is to be no comparison."""
    name = options.compare_with if isinstance(options, ComparisonOptions) else None
    if name is None:
        return None
    if name == method.name:
        raise InputError(f"stations by '{name}' cannot be compared with '{name}' itself: choose another method.")
    return METHODS.named(name)


def check_ready(method: StationMethod, options: MethodOptions) -> None:
    """Make sure, without a case, that all that a method needs is there.

    Raises:
        InputError: Something is not installed.
        PackageError: A model package or an atlas is missing, cannot be read, or was made for another task.
    """
    if isinstance(method, ChecksItself):
        method.check(options)
    if method.package_task is not None:
        check_installed()
        card = read_manifest(find_package(getattr(options, "model", None), method.package_task))
        section_of(card, section_model(method.package_task))
