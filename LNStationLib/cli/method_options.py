"""Command-line options for every method of every step, made from what the methods declare.

``--nodes.method`` chooses the method of a step, ``--nodes.pet_threshold.suv_threshold`` sets an option of a method;
options that declare a short flag have that too. They are made when a command is about to be parsed or explained, so
that the other commands start at once.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import typer
from typer.core import TyperCommand, TyperOption
from typer.main import get_command

from LNStationLib.support.errors import InputError

if TYPE_CHECKING:
    from LNStationLib.state.settings import Settings, Step

_GIVEN = "LNStationLib.method_options"
_METHOD_FLAGS: Mapping[str, str] = {"organs": "--organ-method", "nodes": "--node-method"}
_TYPES: Mapping[str, type] = {"number": float, "integer": int, "boolean": bool}


@dataclass
class _Given:
    """What was given on the command line.

    Attributes:
        methods: By step.
        values: By step, method and option.
        flags: How each of the values was given.
        selected: Steps whose method an option selects, with that method.
    """

    methods: dict[str, str] = field(default_factory=dict)
    values: dict[tuple[str, str, str], Any] = field(default_factory=dict)
    flags: dict[tuple[str, str, str], str] = field(default_factory=dict)
    selected: dict[str, str] = field(default_factory=dict)


class MethodOptionsCommand(TyperCommand):
    """A command that takes the options of all methods; :func:`given_settings` reads them.

    Attributes:
        steps: The steps whose methods' options it takes; ``None`` for all.
    """

    steps: Collection[Step] | None = None

    def get_params(self, ctx: Any) -> list[Any]:
        """The command's own parameters and those of the methods."""
        own = super().get_params(ctx)
        return [*own[:-1], *_made(self.steps), own[-1]]


def given_settings(ctx: typer.Context, *, freely: Collection[Step] = (), **others: Any) -> Settings:
    """Settings as the command line gives them.

    Args:
        ctx: Of a :class:`MethodOptionsCommand`.
        freely: Steps of which several methods will run, so that options of any may be given.
        others: Settings that belong to no step.

    Raises:
        InputError: A method or an option is unknown, a value is not allowed, or an option belongs to a method that
            will not run.
    """
    from LNStationLib.assessment.methods import check_settings
    from LNStationLib.state.settings import STEPS

    given = _given(ctx)
    steps: dict[str, Any] = {step: {"method": _method(given, step)} for step in STEPS}
    for (step, method, option), value in given.values.items():
        steps[step].setdefault("options", {}).setdefault(method, {})[option] = value
    settings = _validated(others | steps)
    check_settings(settings)
    _check_used(settings, given, freely)
    return settings


def _method(given: _Given, step: str) -> str | None:
    name = given.methods.get(step, given.selected.get(step))
    return None if name == "auto" else name


def _validated(values: dict[str, Any]) -> Settings:
    from pydantic import ValidationError

    from LNStationLib.state.settings import Settings

    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        raise InputError(f"{first['loc'][0]} = {first['input']}: {first['msg'].lower()}.") from error


def _check_used(settings: Settings, given: _Given, freely: Collection[Step]) -> None:
    """Make sure that a method of every given option can run, where no method was chosen."""
    from LNStationLib.assessment.methods import REGISTRIES

    for flag in dict.fromkeys(given.flags.values()):
        places = [(cast("Step", step), method) for (step, method, _), used in given.flags.items() if used == flag]
        if any(
            step in (*given.methods, *freely) or REGISTRIES[step].may_run(method, settings) for step, method in places
        ):
            continue
        step, method = places[0]
        raise InputError(f"{flag} belongs to the method {method}: choose it with --{step}.method {method}.")


def _given(ctx: typer.Context) -> _Given:
    found: _Given = ctx.meta.setdefault(_GIVEN, _Given())
    return found


def _made(steps: Collection[Step] | None) -> list[TyperOption]:
    from LNStationLib.assessment.methods import described

    rows = [row for row in described() if steps is None or row["step"] in steps]
    return [*(option for row in rows for option in (_choice(row), *_whole_names(row))), *_short_flags(rows)]


def _choice(row: Mapping[str, Any]) -> TyperOption:
    """The option that chooses a step's method."""
    step = row["step"]
    names = [row["automatic"], *(method["name"] for method in row["methods"])]

    def take(ctx: Any, parameter: Any, value: str | None) -> None:
        if value is not None:
            _given(ctx).methods[step] = value

    words = f"Method for {step}. auto: the first whose inputs the case has."
    flags = [f"--{step}.method", *([_METHOD_FLAGS[step]] if step in _METHOD_FLAGS else [])]
    return _option(flags, str, words, take, metavar=f"[{'|'.join(names)}]")


_Place = tuple[str, str, Mapping[str, Any]]
"""Step, method and option."""


def _places(row: Mapping[str, Any]) -> Iterator[_Place]:
    for method in row["methods"]:
        for option in method["options"]:
            yield row["step"], method["name"], option


def _whole_names(row: Mapping[str, Any]) -> Iterator[TyperOption]:
    """Options of a step's methods by their whole names."""
    for step, method, option in _places(row):
        yield _value(f"--{step}.{method}.{option['name']}", [(step, method, option)], hidden=bool(option["flag"]))


def _short_flags(rows: Iterable[Mapping[str, Any]]) -> Iterator[TyperOption]:
    """Short flags; options that share one, of whatever step, are set by it together."""
    shared: dict[str, list[_Place]] = {}
    for place in (place for row in rows for place in _places(row)):
        if place[2]["flag"]:
            shared.setdefault(place[2]["flag"], []).append(place)
    for flag, places in shared.items():
        yield _value(flag, places, hidden=False)


def _value(flag: str, places: list[_Place], *, hidden: bool) -> TyperOption:
    first = places[0][2]

    def take(ctx: Any, parameter: Any, value: Any) -> None:
        if value is None:
            return
        given = _given(ctx)
        for step, method, option in places:
            given.values[step, method, option["name"]] = value
            given.flags[step, method, option["name"]] = flag
            if option["selects"]:
                given.selected[step] = method

    unit = f" {first['unit']}" if first["unit"] else ""
    default = "" if first["default"] in (None, False) else f" [default: {first['default']}{unit}]"
    words = f"{first['description']}{default}"
    metavar = f"[{'|'.join(map(str, first['choices']))}]" if first["choices"] else None
    return _option([flag], _TYPES.get(first["type"], str), words, take, metavar=metavar, hidden=hidden)


def _option(
    flags: list[str], kind: type, words: str, take: Any, *, metavar: str | None = None, hidden: bool = False
) -> TyperOption:
    """One option, whose value goes to ``take`` and not to the command's function."""

    def command(value: Any = None) -> None: ...

    # A boolean is given by its flag alone; there is no flag for its default.
    given = typer.Option(None, *flags, help=words, metavar=metavar, hidden=hidden, show_default=False)
    command.__annotations__ = {"value": kind | None}
    command.__defaults__ = (given,)
    app = typer.Typer(add_completion=False, rich_markup_mode=None)
    app.command()(command)
    option = next(one for one in get_command(app).params if one.name == "value")
    option.name = flags[0].lstrip("-").replace(".", "__").replace("-", "_")
    option.expose_value = False
    option.callback = take
    return cast(TyperOption, option)
