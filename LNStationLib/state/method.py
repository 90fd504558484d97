"""What every method of every step declares; each step adds what it takes and returns (``<step>/method.py``).

A method is a stateless object. What others must know of it is a property, never its name.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from LNStationLib.state.needs import Need


class MethodOptions(BaseModel):
    """Options of a method; from these come command-line options, the panel's controls and the settings file."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class NoOptions(MethodOptions):
    """A method without options."""


class Method(Protocol):
    """A way to do one step.

    Attributes:
        name: For programs; unique within its step.
        title: For people.
        options: Its options, all with defaults.
        needs: What a case must have.
        references: Papers and standards behind it.
        package_task: Task of the model package that it uses; ``None`` where it uses none.
    """

    @property
    def name(self) -> str: ...  # noqa: D102

    @property
    def title(self) -> str: ...  # noqa: D102

    @property
    def options(self) -> type[MethodOptions]: ...  # noqa: D102

    @property
    def needs(self) -> tuple[Need, ...]: ...  # noqa: D102

    @property
    def references(self) -> tuple[str, ...]: ...  # noqa: D102

    @property
    def package_task(self) -> str | None: ...  # noqa: D102


Width = Literal["usual", "expert"]


def option(
    default: Any,
    description: str,
    *,
    title: str,
    unit: str = "",
    flag: str | None = None,
    width: Width = "usual",
    selects: bool = False,
    choice_titles: Mapping[str, str] | None = None,
    **limits: Any,
) -> Any:
    """A field of a method's options.

    Args:
        default: Its default.
        description: One sentence for help and tool tip.
        title: Label of its control.
        unit: Of its value; empty where it has none.
        flag: Short command-line option beside the whole name; options that share one are set together.
        width: Whether a panel shows it at once or under advanced settings.
        selects: Giving it on the command line chooses its method.
        choice_titles: For people, of the values of a choice; a value without one is its own title.
        limits: ``gt``, ``ge``, ``lt``, ``le`` as pydantic's.
    """
    extra: dict[str, JsonValue] = {
        "unit": unit,
        "flag": flag,
        "width": width,
        "selects": selects,
        "choice_titles": dict(choice_titles or {}),
    }
    return Field(default, title=title, description=description, json_schema_extra=extra, **limits)
