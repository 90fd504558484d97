"""The methods of all steps: checked together, and told to the command line, the worker and the panel."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from LNStationLib.case.case import Case
from LNStationLib.metastasis.method import MetastasisMethod
from LNStationLib.metastasis.registry import METHODS as METASTASIS
from LNStationLib.nodes.registry import METHODS as NODES
from LNStationLib.organs.registry import METHODS as ORGANS
from LNStationLib.staging.case_staging import staging_method
from LNStationLib.staging.registry import METHODS as STAGING
from LNStationLib.state.method import Method, MethodOptions
from LNStationLib.state.node_result import NodeSearch
from LNStationLib.state.registry import AUTOMATIC, Registry
from LNStationLib.state.settings import Settings, Step
from LNStationLib.stations.parse import check_stations
from LNStationLib.stations.registry import METHODS as STATIONS
from LNStationLib.support.errors import InputError

REGISTRIES: Mapping[Step, Registry[Any]] = {
    "organs": ORGANS,
    "stations": STATIONS,
    "nodes": NODES,
    "metastasis": METASTASIS,
    "staging": STAGING,
}
"""Every step in its order, with its methods."""


def check_settings(settings: Settings) -> None:
    """Check choices and options of all steps without a case.

    Raises:
        InputError: A method or an option is unknown, or a value is not allowed.
    """
    for registry in REGISTRIES.values():
        registry.check(settings)


def check_models(settings: Settings) -> None:
    """Load the models of the chosen methods before anything else is done; they stay warm.

    Raises:
        InputError: A setting is not allowed, or something is not installed.
        PackageError: A model package is missing or cannot be used.
    """
    check_settings(settings)
    nodes, metastasis = settings.nodes.method, settings.metastasis.method
    if metastasis is not None:
        search = None if nodes is None else NODES.named(nodes).search
        _check_model(METASTASIS.named(metastasis), settings, search)
    if settings.staging.method is not None:
        staging = STAGING.named(settings.staging.method)
        staging.check(STAGING.options(staging, settings))


def settings_for_package(settings: Settings, task: str, package: str) -> Settings:
    """Settings that let a model package do its step.

    Args:
        settings: The others stay as they are.
        task: Of the package.
        package: Its file, folder or id.

    Raises:
        InputError: No method uses packages of this task.
    """
    for step, registry in REGISTRIES.items():
        for method in registry:
            if method.package_task == task:
                chosen = settings.of(step).with_options(method.name, {"model": package})
                return settings.model_copy(update={step: chosen.model_copy(update={"method": method.name})})
    raise InputError(f"no method here uses model packages of the task '{task}'.")


def check_methods(settings: Settings, case: Case) -> None:
    """Make sure, before the long work, that every step can be done; models that are loaded stay warm.

    Raises:
        InputError: A setting is not allowed, the case lacks what a chosen method needs, or something is not
            installed.
        PackageError: A model package is missing or cannot be used.
    """
    check_settings(settings)
    ORGANS.chosen(settings, case)
    check_stations(settings, case)
    staging = staging_method(case.facts, settings)
    if staging is not None:
        staging.check(STAGING.options(staging, settings))
    search = NODES.chosen(settings, case).search
    _check_model(METASTASIS.chosen(settings, case), settings, search)


def _check_model(method: MetastasisMethod, settings: Settings, search: NodeSearch | None) -> None:
    method.check(METASTASIS.options(method, settings), search)


def described() -> list[dict[str, Any]]:
    """Every step with its methods and their options, as plain data: what a panel draws its controls from."""
    return [
        {"step": step, "automatic": AUTOMATIC, "methods": [_method(method) for method in registry]}
        for step, registry in REGISTRIES.items()
    ]


def _method(method: Method) -> dict[str, Any]:
    return {
        "name": method.name,
        "title": method.title,
        "needs": [{"name": need.name, "title": need.title} for need in method.needs],
        "references": list(method.references),
        "package_task": method.package_task,
        "options": options_of(method.options),
    }


def options_of(options: type[MethodOptions]) -> list[dict[str, Any]]:
    """The options of a method as plain data.

    Returns:
        For each its ``name``, ``title``, ``description``, ``unit``, ``flag``, ``width``, ``selects``, ``default`` and
        ``choice_titles``; ``type`` (``"number"``, ``"integer"``, ``"boolean"``, ``"string"`` or ``"choice"``),
        ``choices``, ``optional`` (may be ``None``); and, where there are any, the limits ``minimum``, ``maximum``,
        ``above``, ``below``.
    """
    schema = options.model_json_schema()["properties"]
    return [{"name": name, **_option(entry)} for name, entry in schema.items()]


_KEPT = ("title", "description", "unit", "flag", "width", "selects", "default", "choice_titles")
_LIMITS = {"minimum": "minimum", "maximum": "maximum", "exclusiveMinimum": "above", "exclusiveMaximum": "below"}


def _option(entry: Mapping[str, Any]) -> dict[str, Any]:
    kinds = [kind for kind in entry.get("anyOf", [entry]) if kind.get("type") != "null"]
    kind = kinds[0]
    choices = list(kind["enum"]) if "enum" in kind else None
    return {
        **{key: entry.get(key) for key in _KEPT},
        "type": "choice" if choices else kind.get("type", "string"),
        "choices": choices,
        "optional": len(kinds) < len(entry.get("anyOf", [entry])),
        **{name: kind[key] for key, name in _LIMITS.items() if key in kind},
    }
