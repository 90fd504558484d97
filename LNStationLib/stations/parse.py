"""The stations step: the chosen method, checked by others where the options ask for it."""

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
    """Parse the stations by a method and doubt those on which a method that it is compared with disagrees.

    Args:
        method: The chosen one.
        state: With the CT on the working grid and the organs on it.
        options: Of the method.
        progress: Told the running step.

    Raises:
        InputError: A method to compare with is unknown, is the method itself, or cannot run.
    """
    others = _others(method, options)
    share = 1.0 / (1 + len(others))
    found = method.run(state, options, portion(progress, 0.0, share))
    for number, other in enumerate(others, start=1):
        part = portion(progress, number * share, (number + 1) * share)
        theirs = other.run(state, METHODS.options(other, state.settings), part)
        assert isinstance(options, ComparisonOptions)
        found = compared(found, theirs, other.title, options)
    return found


def check_stations(settings: Settings, case: Case) -> None:
    """Make sure, before the long work, that the chosen method, and the one to compare with, can run.

    Raises:
        InputError: There is no such method, the case lacks what one needs, or the packages for networks are missing.
        PackageError: A model package is missing, cannot be read, or was made for another task.
    """
    method = METHODS.chosen(settings, case)
    options = METHODS.options(method, settings)
    check_ready(method, options)
    for other in _others(method, options):
        lacking = [need.title for need in other.needs if not need.met(case)]
        if lacking:
            raise InputError(f"stations are to be compared with '{other.name}' but the case has no {lacking[0]}.")
        check_ready(other, METHODS.options(other, settings))


def _others(method: StationMethod, options: MethodOptions) -> list[StationMethod]:
    """The methods to compare with; none where there is to be no comparison."""
    names = options.others if isinstance(options, ComparisonOptions) else ()
    if method.name in names:
        name = method.name
        raise InputError(f"stations by '{name}' cannot be compared with '{name}' itself: choose another method.")
    return [METHODS.named(name) for name in names]


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
