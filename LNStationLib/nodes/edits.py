"""A reader's edits of nodes: what each does to the node map, and what must be measured again after it.

A node keeps its number: a redrawn one, the larger part of a split one, a dismissed one that comes back; merged ones
keep the lowest of theirs. A new node takes a number that none had.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
import SimpleITK as sitk

from LNStationLib import anatomy
from LNStationLib.case.node_edits import NodeEdits
from LNStationLib.imaging.arrays import array_view
from LNStationLib.imaging.boxes import bounding_region, like
from LNStationLib.imaging.edited_masks import EditedMask, in_region, mask_at, placed
from LNStationLib.nodes.find import in_order, scene_of, with_outside
from LNStationLib.nodes.grow import grown_node
from LNStationLib.nodes.measurement import measure_node, measured_box
from LNStationLib.nodes.reader_nodes import is_same, measured_dismissed, scene_of_readers
from LNStationLib.nodes.split import halves
from LNStationLib.nodes.update import NodeUpdate
from LNStationLib.state.assessment import NodeFinding
from LNStationLib.state.node_result import READER
from LNStationLib.state.patient_state import PatientState
from LNStationLib.state.reason_codes import warnings_of
from LNStationLib.support.errors import InputError
from LNStationLib.support.types import InstanceArray, PointMm

Action = Literal["draw", "grow", "dismiss", "restore", "split", "merge"]
_NUMBERS_OF: dict[Action, tuple[int, int | None]] = {
    "draw": (0, 1), "grow": (0, 0), "dismiss": (1, None), "restore": (1, None), "split": (1, 1), "merge": (2, None),
}  # fmt: skip
"""How many nodes an action takes, at least and at most."""


@dataclass(frozen=True)
class NodeEdit:
    """One edit.

    Attributes:
        action: ``draw`` gives a node (a new one without a number) the voxels of ``image``, none where it is ``None``;
            ``grow`` makes one from a point; ``dismiss`` and ``restore``; ``split`` one in two; ``merge`` several.
        nodes: Numbers of the nodes it concerns.
        image: The whole new mask in a box of the CT's grid.
        point_mm: LPS.
    """

    action: Action
    nodes: tuple[int, ...] = ()
    image: sitk.Image | None = None
    point_mm: PointMm | None = None


@dataclass(frozen=True)
class NodeEditDone:
    """What an edit did.

    Attributes:
        action: As asked for.
        before: Numbers of the nodes that it took.
        after: Numbers of those that came of it.
        station: In which it lies, or lay.
        volume_before_ml: Of all before; ``None`` where there was none.
        volume_after_ml: Of all after.
    """

    action: Action
    before: tuple[int, ...]
    after: tuple[int, ...]
    station: str | None
    volume_before_ml: float | None
    volume_after_ml: float | None


@dataclass(frozen=True)
class NodesEdited:
    """The nodes after edits.

    Attributes:
        edits: For the case from now on.
        update: Nodes, and the stations that they concern.
        done: One for each edit.
    """

    edits: NodeEdits
    update: NodeUpdate
    done: tuple[NodeEditDone, ...]


def edit_nodes(state: PatientState, edits: Sequence[NodeEdit]) -> NodesEdited:
    """Take a reader's edits into the node map.

    Args:
        state: With stations and nodes.
        edits: In their order.

    Raises:
        InputError: There is no such node, or nothing to do with it.
        GeometryError: A mask is on a different grid from the CT, or reaches outside of it.
    """
    desk = _Desk(state)
    done = tuple(desk.do(edit) for edit in edits)
    return NodesEdited(NodeEdits(desk.drawn, desk.dismissed), desk.update(), done)


@dataclass
class _Desk:
    """The node map while it is being edited."""

    state: PatientState
    labels: InstanceArray = field(init=False)
    findings: dict[int, NodeFinding] = field(init=False)
    drawn: dict[int, EditedMask] = field(init=False)
    dismissed: dict[int, EditedMask] = field(init=False)
    highest: int = field(init=False)
    gone: dict[int, NodeFinding] = field(default_factory=dict)
    touched: set[str | None] = field(default_factory=set)

    def __post_init__(self) -> None:
        nodes, edits = self.state.found_nodes, self.state.case.node_edits
        self.labels = sitk.GetArrayFromImage(nodes.labels)
        self.findings = {one.node_id: one for one in nodes.findings}
        self.gone = {one.node_id: one for one in nodes.dismissed}
        self.drawn, self.dismissed, self.highest = dict(edits.drawn), dict(edits.dismissed), nodes.highest

    # What is asked for

    def do(self, edit: NodeEdit) -> NodeEditDone:
        """Do one edit."""
        low, high = _NUMBERS_OF[edit.action]
        if not low <= len(edit.nodes) <= (high or len(edit.nodes)):
            raise InputError(f"'{edit.action}' does not take {len(edit.nodes)} nodes: choose others.")
        actions: dict[Action, Callable[[NodeEdit], tuple[int, ...]]] = {
            "draw": self._draw, "grow": self._grow, "dismiss": self._dismiss, "restore": self._restore,
            "split": self._split, "merge": self._merge,
        }  # fmt: skip
        before = {number: self.findings[number] for number in edit.nodes if number in self.findings}
        after = actions[edit.action](edit)
        now = [self.findings[number] for number in after]
        stations = [one.station for one in (*now, *before.values()) if one.station is not None]
        return NodeEditDone(
            edit.action,
            tuple(edit.nodes),
            after,
            stations[0] if stations else None,
            _volume_ml(before.values()),
            _volume_ml(now),
        )

    def _draw(self, edit: NodeEdit) -> tuple[int, ...]:
        number = edit.nodes[0] if edit.nodes else self._new_number()
        mask = placed(f"node {number}", edit.image, self.state.case.ct)
        if mask is not None:
            self.dismissed.pop(number, None)
            return self._put_drawn({number: mask})
        return self._dismiss(NodeEdit("dismiss", (self._known(number),)))

    def _grow(self, edit: NodeEdit) -> tuple[int, ...]:
        if edit.point_mm is None:
            raise InputError("a node grows from a point: click inside it.")
        mask = grown_node(self.state.case.ct, edit.point_mm, self._organs())
        (value, *others) = np.unique(self.labels[mask.box][mask.inside])
        if not others and value:
            raise InputError(f"node {value} is there already: choose it in the table.")
        return self._put_drawn({self._new_number(): mask})

    def _dismiss(self, edit: NodeEdit) -> tuple[int, ...]:
        for number in map(self._known, edit.nodes):
            self.gone[number] = self.findings[number]
            self.dismissed[number] = self._mask(number)
            self._remove(number)
        return ()

    def _restore(self, edit: NodeEdit) -> tuple[int, ...]:
        unknown = [number for number in edit.nodes if number not in self.dismissed]
        if unknown:
            raise InputError(f"node {unknown[0]} was not dismissed: choose another.")
        for number in edit.nodes:
            mask, found = self.dismissed.pop(number), self.gone[number]
            self._put(number, mask)
            if found.source == READER.method:
                self.drawn[number] = mask
            self._measure(number, found.score)
        return edit.nodes

    def _split(self, edit: NodeEdit) -> tuple[int, ...]:
        (number,) = map(self._known, edit.nodes)
        larger, smaller = halves(self._mask(number), self.state.case.ct)
        return self._put_drawn({number: larger, self._new_number(): smaller})

    def _merge(self, edit: NodeEdit) -> tuple[int, ...]:
        numbers = sorted({self._known(number) for number in edit.nodes})
        if len(numbers) < 2:
            raise InputError("a node cannot be merged with itself: choose two or more.")
        masks = [self._mask(number) for number in numbers]
        region = bounding_region(mask.box for mask in masks)
        assert region is not None
        union = np.any([in_region(mask, region) for mask in masks], axis=0)
        for number in numbers[1:]:
            self._remove(number)
        return self._put_drawn({numbers[0]: EditedMask(region, union)})

    # How it is done

    def _known(self, number: int) -> int:
        if number not in self.findings:
            raise InputError(f"there is no node {number}: choose one of the table.")
        return number

    def _new_number(self) -> int:
        self.highest += 1
        return self.highest

    def _mask(self, number: int) -> EditedMask:
        mask = mask_at(self.labels, number, measured_box(self.findings[number], self.state.case.ct))
        assert mask is not None
        return mask

    def _organs(self) -> sitk.Image | None:
        """The organs that could be taken for a node, on the CT's grid."""
        organs = self.state.organs
        if organs is None:
            return None
        values = [anatomy.organ(name).label_value for name in organs.beside_stations]
        inside = np.isin(array_view(organs.label_map), values)
        return like(inside.astype(np.uint8), organs.label_map)

    def _put_drawn(self, masks: dict[int, EditedMask]) -> tuple[int, ...]:
        for number, mask in masks.items():
            self._put(number, mask)
            self.drawn[number] = mask
        for number in masks:
            self._measure(number, None)
        return tuple(masks)

    def _put(self, number: int, mask: EditedMask) -> None:
        """Give voxels to a node; others lose them, and go where they were the same node."""
        if number in self.findings:
            earlier = self._mask(number)
            self.labels[earlier.box][earlier.inside] = 0
        counts = np.bincount(self.labels[mask.box][mask.inside])
        losers = {int(value): int(counts[value]) for value in np.flatnonzero(counts) if value}
        sizes = {value: self._mask(value).n_voxels for value in losers}
        self.labels[mask.box][mask.inside] = number
        for value, n_shared in losers.items():
            self._lose(value, value not in self.drawn and is_same(n_shared, sizes[value], mask.n_voxels))

    def _lose(self, number: int, is_same_node: bool) -> None:
        left = mask_at(self.labels, number, measured_box(self.findings[number], self.state.case.ct))
        if left is None or is_same_node:
            self._remove(number)
            return
        if number in self.drawn:
            self.drawn[number] = left
        self._measure(number, self.findings[number].score)

    def _remove(self, number: int) -> None:
        finding = self.findings.pop(number)
        region = self.labels[measured_box(finding, self.state.case.ct)]
        region[region == number] = 0
        self.touched.add(finding.station)
        self.drawn.pop(number, None)

    def _measure(self, number: int, score: float | None) -> None:
        before = self.findings.get(number)
        scene = scene_of(self.state, self.state.found_nodes.search)
        region = self.drawn[number].box if number in self.drawn else None
        if region is None:
            source = before if before is not None else self.gone[number]
            region = measured_box(source, self.state.case.ct)
        mask = mask_at(self.labels, number, region)
        assert mask is not None
        scene = scene_of_readers(scene) if number in self.drawn else scene
        earlier = self.gone.get(number, before)
        known = None if earlier is None or score is None else earlier.candidate
        finding = measure_node(number, mask.inside, mask.box, scene)
        finding = finding.model_copy(update={"score": score, "candidate": known})
        self.findings[number] = finding
        self.touched |= {one.station for one in (before, finding) if one is not None}

    def update(self) -> NodeUpdate:
        """The nodes as they are now."""
        before = self.state.found_nodes
        findings, edits = in_order(self.findings.values()), NodeEdits(self.drawn, self.dismissed)
        scene = scene_of(self.state, before.search)
        nodes = replace(
            before,
            labels=like(self.labels, before.labels),
            findings=findings,
            warnings=with_outside(warnings_of(before.provenance), findings),
            dismissed=measured_dismissed(self.gone.values(), edits, scene),
        )
        return NodeUpdate(nodes, frozenset(name for name in self.touched if name is not None), True)


def _volume_ml(findings: Iterable[NodeFinding]) -> float | None:
    volumes = [one.volume_mm3 / 1000.0 for one in findings]
    return sum(volumes) if volumes else None
