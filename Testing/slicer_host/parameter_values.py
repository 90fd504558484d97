"""How ``slicer.parameterNodeWrapper`` keeps typed values in a ``vtkMRMLScriptedModuleNode``.

Values are strings among the node's parameters, nodes are its references, so that a saved scene brings them back. The
layout is Slicer's (``name``, ``name_0`` ... with ``name_len``), so that a scene saved here reads there.
"""

from __future__ import annotations

import enum
import pathlib
import types
import typing
from collections.abc import Callable, Iterable, Iterator, MutableSequence
from dataclasses import dataclass
from typing import Any

import slicer


@dataclass(frozen=True)
class Default:
    """The value that a field has in a new node."""

    value: Any


@dataclass(frozen=True)
class Decimals:
    """Digits that a spin box or slider shows."""

    value: int


@dataclass(frozen=True)
class SingleStep:
    """Step of a spin box or slider."""

    value: float


class Validator:
    """Refuses values."""

    def validate(self, value: Any) -> None:
        raise NotImplementedError


@dataclass(frozen=True)
class WithinRange(Validator):
    """Between both, each included."""

    minimum: float
    maximum: float

    def validate(self, value: Any) -> None:
        if not self.minimum <= value <= self.maximum:
            raise ValueError(f"Value must be within range [{self.minimum}, {self.maximum}], is {value}")


@dataclass(frozen=True)
class Minimum(Validator):
    """Not below."""

    minimum: float

    def validate(self, value: Any) -> None:
        if value < self.minimum:
            raise ValueError(f"Value must not be below {self.minimum}, is {value}")


@dataclass(frozen=True)
class Maximum(Validator):
    """Not above."""

    maximum: float

    def validate(self, value: Any) -> None:
        if value > self.maximum:
            raise ValueError(f"Value must not be above {self.maximum}, is {value}")


@dataclass(frozen=True)
class Choice(Validator):
    """One of these."""

    choices: typing.Sequence[Any]

    def validate(self, value: Any) -> None:
        if value not in self.choices:
            raise ValueError(f"Value is {value}, but must be one of the following: {self.choices}")


@dataclass(frozen=True)
class Exclude(Validator):
    """None of these."""

    excludedValues: typing.Sequence[Any]

    def validate(self, value: Any) -> None:
        if value in self.excludedValues:
            raise ValueError(f"Value is {value}, but must not be one of the following: {self.excludedValues}")


@dataclass(frozen=True)
class Kind:
    """A type that can be kept: how to write, read, find and remove it."""

    write: Callable[[Any, str, Any], None]
    read: Callable[[Any, str], Any]
    held: Callable[[Any, str], bool]
    remove: Callable[[Any, str], None]
    default: Any


def split_annotations(hint: Any) -> tuple[Any, list[Any]]:
    """The bare type of an ``Annotated`` hint and its annotations, classes made instances where they can be."""
    if typing.get_origin(hint) is not typing.Annotated:
        return hint, []
    bare, *annotations = typing.get_args(hint)
    return bare, annotations


def kind_of(bare: Any) -> Kind:
    """How values of a type are kept.

    Raises:
        TypeError: The stand-in does not know the type.
    """
    origin = typing.get_origin(bare)
    if origin is list:
        return _list_kind(typing.get_args(bare)[0])
    if origin in (typing.Union, types.UnionType):
        return _optional_kind(typing.get_args(bare))
    if isinstance(bare, type):
        if issubclass(bare, slicer.vtkMRMLNode):
            return _node_kind(bare)
        if issubclass(bare, enum.Enum):
            return _text_kind(bare, lambda value: str(value.name), lambda text: bare[text], next(iter(bare)))
        for known, kind in _SIMPLE.items():
            if issubclass(bare, known):
                return kind
    raise TypeError(f"Unable to create serializer for type: {bare}")


def _text_kind(bare: Any, to_text: Callable[[Any], str], from_text: Callable[[str], Any], default: Any) -> Kind:
    def write(node: Any, name: str, value: Any) -> None:
        # As in Slicer, a whole number may stand for a real one, and nothing else is converted.
        accepted = (int, float) if bare is float else bare
        if not isinstance(value, accepted):
            raise TypeError(f"Value must be of type {accepted}, is {value!r} of type {type(value)}")
        node.SetParameter(name, to_text(value))

    return Kind(
        write,
        lambda node, name: from_text(node.GetParameter(name)),
        lambda node, name: bool(node.HasParameter(name)),
        lambda node, name: node.UnsetParameter(name),
        default,
    )


_SIMPLE: dict[type, Kind] = {
    bool: _text_kind(bool, str, lambda text: text == "True", False),
    int: _text_kind(int, str, int, 0),
    float: _text_kind(float, str, float, 0.0),
    str: _text_kind(str, str, str, ""),
    pathlib.PurePath: _text_kind(pathlib.PurePath, str, pathlib.Path, pathlib.Path()),
}


def _node_kind(bare: type) -> Kind:
    def write(node: Any, name: str, value: Any) -> None:
        if value is not None and not isinstance(value, bare):
            raise TypeError(f"Value must be of type {bare}, is {type(value)}")
        # The empty parameter says that the field is there, since None is a value too.
        node.SetParameter(name, "")
        node.SetNodeReferenceID(name, value.GetID() if value is not None else None)

    def remove(node: Any, name: str) -> None:
        node.UnsetParameter(name)
        node.RemoveNodeReferenceIDs(name)

    return Kind(
        write,
        lambda node, name: node.GetNodeReference(name),
        lambda node, name: bool(node.HasParameter(name)),
        remove,
        None,
    )


def _optional_kind(choices: tuple[Any, ...]) -> Kind:
    """``X | None``; unions of more types are left to Slicer."""
    kept = [choice for choice in choices if choice is not type(None)]
    if len(kept) != 1 or len(kept) == len(choices):
        raise TypeError(f"The stand-in keeps only X | None of all unions, not {choices}")
    inner = kind_of(kept[0])
    if isinstance(kept[0], type) and issubclass(kept[0], slicer.vtkMRMLNode):
        return inner

    def remove(node: Any, name: str) -> None:
        inner.remove(node, f"{name}_0")
        node.UnsetParameter(f"{name}_1")

    def write(node: Any, name: str, value: Any) -> None:
        with slicer.util.NodeModify(node):
            remove(node, name)
            if value is None:
                node.SetParameter(f"{name}_1", "True")
            else:
                inner.write(node, f"{name}_0", value)

    return Kind(
        write,
        lambda node, name: inner.read(node, f"{name}_0") if inner.held(node, f"{name}_0") else None,
        lambda node, name: inner.held(node, f"{name}_0") or bool(node.HasParameter(f"{name}_1")),
        remove,
        None,
    )


def _list_kind(element: Any) -> Kind:
    inner = kind_of(split_annotations(element)[0])

    def length(node: Any, name: str) -> int:
        return int(node.GetParameter(f"{name}_len") or 0)

    def write(node: Any, name: str, values: Iterable[Any]) -> None:
        values = list(values)
        with slicer.util.NodeModify(node):
            for index in range(len(values), length(node, name)):
                inner.remove(node, f"{name}_{index}")
            for index, value in enumerate(values):
                inner.write(node, f"{name}_{index}", value)
            node.SetParameter(f"{name}_len", str(len(values)))

    def read(node: Any, name: str) -> ObservedList:
        values = [inner.read(node, f"{name}_{index}") for index in range(length(node, name))]
        return ObservedList(values, lambda changed: write(node, name, changed))

    def remove(node: Any, name: str) -> None:
        write(node, name, [])
        node.UnsetParameter(f"{name}_len")

    return Kind(write, read, lambda node, name: bool(node.HasParameter(f"{name}_len")), remove, [])


class ObservedList(MutableSequence[Any]):
    """A list that writes itself back to its node when it is changed."""

    def __init__(self, values: list[Any], save: Callable[[list[Any]], None]) -> None:
        self._values = values
        self._save = save

    def __len__(self) -> int:
        return len(self._values)

    def __getitem__(self, index: Any) -> Any:
        return self._values[index]

    def __setitem__(self, index: Any, value: Any) -> None:
        self._values[index] = value
        self._save(self._values)

    def __delitem__(self, index: Any) -> None:
        del self._values[index]
        self._save(self._values)

    def insert(self, index: int, value: Any) -> None:
        self._values.insert(index, value)
        self._save(self._values)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._values)

    def __eq__(self, other: object) -> bool:
        return self._values == (other._values if isinstance(other, ObservedList) else other)

    __hash__ = None

    def __repr__(self) -> str:
        return f"ObservedList({self._values})"
