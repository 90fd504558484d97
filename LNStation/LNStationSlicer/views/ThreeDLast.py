"""3D views render after the slice views: what takes longest to draw does not hold up what is read.

A 3D view of many translucent surfaces takes half a second without a graphics card, and Slicer renders all views in
one thread, in the order in which they asked.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import slicer

from LNStationSlicer.support.Turns import Delay

_SLICES_MS = 50
"""Longer than the 17 ms that a view waits from asking to rendering: timers of slice views come first."""
_PAINT_MS = 10
"""Qt brings to the screen what was rendered before it looks at timers again: one more round of the event loop."""


class ThreeDLast:
    """Holds the 3D views for the moment in which the slice views render."""

    def __init__(self) -> None:
        self._held: frozenset[str] = frozenset()
        self._slices = Delay(_SLICES_MS, self._afterSlices)
        self._painted = Delay(_PAINT_MS, self.release)

    def hold(self) -> None:
        """No 3D view renders until the slice views have; the wait starts again with each call."""
        if not self._held:
            views = dict(_views())
            for view in views.values():
                view.pauseRender()
            self._held = frozenset(views)
        self._painted.stop()
        self._slices.start()

    def release(self) -> None:
        """The 3D views render what they were asked for meanwhile."""
        self._slices.stop()
        self._painted.stop()
        # Looked for again: a view may be gone with its layout or its scene.
        held, self._held = self._held, frozenset()
        for key, view in _views():
            if key in held:
                view.resumeRender()

    def _afterSlices(self) -> None:
        self._painted.start()


def _views() -> Iterator[tuple[str, Any]]:
    """3D views by the identifier of their node."""
    manager = slicer.app.layoutManager()
    for index in range(manager.threeDViewCount if manager is not None else 0):
        view = manager.threeDWidget(index).threeDView()
        node = view.mrmlViewNode()
        if node is not None:
            yield node.GetID(), view
