"""Draws the case under review: overlays at once, surfaces for the 3D view piece by piece."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import chain

from LNStationSlicer.case.CaseScene import CaseScene
from LNStationSlicer.support.Steps import Steps
from LNStationSlicer.views.OverlayOptions import OverlayOptions
from LNStationSlicer.views.Overlays import Overlays
from LNStationSlicer.views.StationNames import StationNames
from LNStationSlicer.views.ThreeDLast import ThreeDLast


class CaseDrawing:
    """The drawing of one case, from ``begin`` to ``end``.

    Attributes:
        overlays: What is drawn, and how.
        names: Of the stations, in the slice views.
    """

    def __init__(self, case: CaseScene) -> None:
        self.overlays = Overlays(case)
        self.names = StationNames(case)
        self._case = case
        self._threeD = ThreeDLast()
        self._steps: Steps | None = None

    @property
    def isMakingSurfaces(self) -> bool:
        """True while surfaces for the 3D view are being made."""
        return self._steps is not None

    def begin(self) -> None:
        """Bring the case's CT into the views."""
        self.overlays.bringCt()

    def show(
        self, options: OverlayOptions | None, modelHidden: bool, highlighted: str | None, node: int | None = None
    ) -> None:
        """Draw the overlays; a blind first read hides what the model says whatever the options are.

        Args:
            options: None for those that hold already.
            modelHidden: True while a blind first read goes on.
            highlighted: Station that stands out.
            node: Number of the node that stands out.
        """
        options = replace(options or self.overlays.options(), modelHidden=modelHidden)
        self.overlays.apply(replace(options, highlighted=highlighted, highlightedNode=node))
        self.nameStations()
        self.makeSurfaces()

    def highlight(self, station: str | None) -> None:
        """Make a station stand out, or none; slice views first. Views that move after this draw its name once."""
        self._threeD.hold()
        self.overlays.highlight(station)
        self.nameStations()

    def highlightNode(self, number: int | None) -> None:
        """Make a node stand out, or none; slice views first."""
        self._threeD.hold()
        self.overlays.highlightNode(number)

    def nameStations(self) -> None:
        """Name the stations in the slice views, where they are drawn and names are wanted."""
        options = self.overlays.options()
        if options.stationsVisible and options.namesVisible:
            self.names.show(options.highlighted)
        else:
            self.names.hide()

    def makeSurfaces(self) -> None:
        """Make the surfaces that the 3D view lacks, and learn where names stand; returns at once."""
        self._stop()
        self._steps = Steps(self._pieces(), self._stop, self._failed)
        self._steps.start()

    def end(self) -> None:
        """Nothing of the case is drawn any more."""
        self._stop()
        self._threeD.release()
        self.names.hide()
        if self._case.isAlive():
            self.overlays.hide()

    def _pieces(self) -> Iterator[Callable[[], object]]:
        options = self.overlays.options()
        named = self.names.missingPoints() if options.stationsVisible and options.namesVisible else iter(())
        for piece in chain(named, self.overlays.missingSurfaces()):
            if not self._case.isAlive():
                return
            yield piece

    def _stop(self) -> None:
        if self._steps is not None:
            self._steps.stop()
        self._steps = None

    def _failed(self, error: Exception) -> None:
        self._steps = None
        logging.error("LNStation: no surfaces for the 3D view", exc_info=error)
