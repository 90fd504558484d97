"""The methods of one step by name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Generic, TypeVar

from pydantic import ValidationError

from LNStationLib.state.method import Method, MethodOptions
from LNStationLib.state.settings import Settings, Step
from LNStationLib.support.errors import InputError

AUTOMATIC = "auto"
"""How users name the choice of the first method that the case can serve."""

AnyMethod = TypeVar("AnyMethod", bound=Method)


class Registry(Generic[AnyMethod]):
    """Methods of a step, in the order in which the automatic choice tries them.

    Args:
        step: The step.
        methods: Its methods; names are unique.
    """

    def __init__(self, step: Step, methods: Sequence[AnyMethod]) -> None:
        self.step: Step = step
        self._methods: dict[str, AnyMethod] = {}
        for method in methods:
            self.register(method)

    def __iter__(self) -> Iterator[AnyMethod]:
        """The methods in their order."""
        return iter(tuple(self._methods.values()))

    def register(self, method: AnyMethod) -> None:
        """Add a method at the end.

        Raises:
            ValueError: There is one of its name.
        """
        if method.name in self._methods or method.name == AUTOMATIC:
            raise ValueError(f"there is already a method {method.name!r} for {self.step}")
        self._methods[method.name] = method

    @contextmanager
    def including(self, method: AnyMethod) -> Iterator[None]:
        """A method that is registered within the block only."""
        self.register(method)
        try:
            yield
        finally:
            del self._methods[method.name]

    def named(self, name: str) -> AnyMethod:
        """The method of a name.

        Raises:
            InputError: There is none; the message lists those there are.
        """
        if name not in self._methods:
            known = ", ".join([AUTOMATIC, *self._methods])
            raise InputError(f"there is no method {name!r} for {self.step}: choose one of {known}.")
        return self._methods[name]

    def find(self, settings: Settings, case: Any) -> AnyMethod | None:
        """The chosen method; without a choice the first whose needs the case meets, or ``None``.

        Raises:
            InputError: There is none of that name, or the case lacks what it needs.
        """
        name = settings.of(self.step).method
        if name is None:
            return next((method for method in self if all(need.met(case) for need in method.needs)), None)
        method = self.named(name)
        for need in method.needs:
            if not need.met(case):
                raise InputError(
                    f"{self.step} are set to '{name}' but the case has no {need.title}: give one or choose 'auto'."
                )
        return method

    def chosen(self, settings: Settings, case: Any) -> AnyMethod:
        """As :meth:`find`, for a step that some method can always do.

        Raises:
            InputError: None can, or as :meth:`find`.
        """
        method = self.find(settings, case)
        if method is None:
            raise InputError(f"no method for {self.step} can work on this case.")
        return method

    def options(self, method: AnyMethod, settings: Settings) -> MethodOptions:
        """The options of a method as settings give them, the others at their defaults.

        Raises:
            InputError: One is unknown or has a value that is not allowed.
        """
        try:
            return method.options.model_validate(settings.of(self.step).options.get(method.name, {}))
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            where = ".".join([self.step, method.name, *map(str, first["loc"])])
            raise InputError(f"{where} = {first['input']}: {first['msg'].lower()}.") from error

    def may_run(self, name: str, settings: Settings) -> bool:
        """Whether a method is chosen, or may be by the automatic choice: no method before it can always run."""
        chosen = settings.of(self.step).method
        if chosen is not None:
            return chosen == name
        for method in self:
            if method.name == name:
                return True
            if not method.needs:
                return False
        return False

    def check(self, settings: Settings) -> None:
        """Check the choice and all options of a step without a case.

        Raises:
            InputError: A method or an option is unknown, or a value is not allowed.
        """
        chosen = settings.of(self.step)
        for name in {*chosen.options, *([] if chosen.method is None else [chosen.method])}:
            self.options(self.named(name), settings)
