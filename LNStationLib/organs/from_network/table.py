"""What becomes of a network's classes: which vote together, and what of each must hold together. Data, checked."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from LNStationLib import anatomy
from LNStationLib.support.resources import resource_path

Keep = Literal["largest", "joined", "all"]


class _Data(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class GroupRow(_Data):
    """Classes that are parts of one structure.

    Attributes:
        name: Of the structure; where the organ table knows it, the union of the parts becomes that organ.
        parts: The classes. A voxel belongs to the group with the highest sum of its parts' probabilities, and
            within the group to the most probable part.
        blood: Vessels and chambers: where one is impossible, another of them is what the network has seen.
        keep: ``"largest"``: the largest piece of the union. ``"joined"``: all pieces that touch one of ``joins``,
            else the largest. ``"all"``: every piece of at least ``least_ml``.
        bridge_mm: Pieces nearer to each other than this are joined along the way on which the probability of the
            group is highest.
        tube_mm: Largest radius of a vessel that is one tube from what it joins to its far end: what lies further from
            the way between the two is not it. 0 where it branches or need not be cut.
        neck_share: A solid organ is cut where, below its largest axial section, it narrows to less than this share of
            it and widens again: what hangs on such a neck is another organ. 0 where it may narrow.
        joins: Groups that it is continuous with.
        carina_mm: Lowest and highest place of each part in mm above the carina, by part; ``null`` where it may lie
            anywhere. Beyond it the part cannot win a voxel: the next most probable structure does.
        least_ml: Smaller structures are noise.
        whole_parts: Whether each part is one piece; loose pieces go to the neighbor that they touch most.
        least_confidence: A part whose mean probability is lower is not used.
        why: Reason or source.
    """

    name: str
    parts: list[str] = Field(min_length=1)
    blood: bool = False
    keep: Keep
    bridge_mm: float = Field(0.0, ge=0)
    tube_mm: float = Field(0.0, ge=0)
    neck_share: float = Field(0.0, ge=0, lt=1)
    joins: list[str] = []
    carina_mm: dict[str, tuple[float | None, float | None]] = {}
    least_ml: float = Field(gt=0)
    whole_parts: bool = True
    least_confidence: float = Field(ge=0, le=1)
    why: str = Field(min_length=1)


class CleanUp(_Data):
    """The whole table, in the order in which groups are cleaned: what joins others comes after them."""

    schema_version: Literal["1"]
    note: str
    groups: list[GroupRow]

    @model_validator(mode="after")
    def _names_are_known(self) -> Self:
        organs = {row.name for row in anatomy.organs()} | {"lobar_bronchi"}
        seen: set[str] = set()
        classes = [part for row in self.groups for part in row.parts]
        if len(set(classes)) != len(classes):
            raise ValueError("a class belongs to two groups")
        if unknown := set(classes) - organs:
            raise ValueError(f"there is no organ {', '.join(sorted(unknown))}")
        for row in self.groups:
            if stray := set(row.carina_mm) - set(row.parts):
                raise ValueError(f"{row.name} has levels of {', '.join(sorted(stray))}, which is not part of it")
            if missing := set(row.joins) - seen:
                raise ValueError(f"{row.name} joins {', '.join(sorted(missing))}, which is not above it in the table")
            seen.add(row.name)
        return self


_OTHER = {"keep": "largest", "least_ml": 0.5, "least_confidence": 0.5, "why": "a class that the table does not know"}


def rows_for(table: CleanUp, classes: Sequence[Sequence[str]]) -> list[GroupRow]:
    """The rows that concern some networks, each with the parts that one network knows.

    Args:
        table: All rows.
        classes: Class names of each network without background.
    """
    rows = []
    for names in classes:
        rest = set(names)
        for row in table.groups:
            # A network may know a structure whole, without its parts.
            wanted = row.parts if row.name in row.parts else [*row.parts, row.name]
            parts = [part for part in wanted if part in rest]
            rest -= set(parts)
            if parts:
                levels = {part: level for part, level in row.carina_mm.items() if part in parts}
                rows.append(row.model_copy(update={"parts": parts, "carina_mm": levels}))
        rows += [GroupRow.model_validate({"name": name, "parts": [name], **_OTHER}) for name in names if name in rest]
    order = [row.name for row in table.groups]
    return sorted(rows, key=lambda row: order.index(row.name) if row.name in order else len(order))


@cache
def clean_up_table() -> CleanUp:
    """The table.

    Raises:
        pydantic.ValidationError: The file is not a valid table.
    """
    text = resource_path("Organs", "clean_up.json").read_text(encoding="utf-8")
    return CleanUp.model_validate_json(text)
