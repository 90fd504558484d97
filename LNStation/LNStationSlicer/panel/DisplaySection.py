"""Section "Display": how stations, nodes and the voxel map are drawn."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

from LNStationSlicer.case.OrganRows import organRows
from LNStationSlicer.case.VoxelMaps import mapTip, mapTitle
from LNStationSlicer.exchange.Findings import nodesAreFit
from LNStationSlicer.panel.OrganTable import OrganTable
from LNStationSlicer.panel.Section import Section, chooseKey, comboKey, fillCombo
from LNStationSlicer.support.Translation import _
from LNStationSlicer.views.ColorMaps import COLOR_MAPS
from LNStationSlicer.views.CtWindow import WINDOWS_HU, setWindow, windowOf
from LNStationSlicer.views.OverlayOptions import Foreground, OverlayOptions, StationColor, StationStyle
from LNStationSlicer.views.Overlays import Overlays


class DisplaySection(Section):
    """The options of the overlays; they are the case's and saved with it."""

    def setUp(self) -> None:
        """Every change redraws at once."""
        ui = self.ui
        fillCombo(ui.representationCombo, _styles())
        fillCombo(
            ui.colorByCombo, [("anatomy", _("colored by anatomy")), ("probability", _("colored by probability"))]
        )
        for combo in (ui.mapColorCombo, ui.petColorCombo):
            fillCombo(combo, [(name, name) for name in COLOR_MAPS])
        for combo in (ui.representationCombo, ui.colorByCombo, ui.mapCombo, ui.mapColorCombo, ui.petColorCombo):
            combo.connect("currentIndexChanged(int)", self._onChanged)
        self.organs = OrganTable(ui.organTable)
        self.organs.clicked.connect(self.logic.selectOrgan)
        fillCombo(ui.ctWindowCombo, _windows())
        ui.ctWindowCombo.connect("currentIndexChanged(int)", self._onWindow)
        for spin in (ui.petUpperSpin, ui.petLowerSpin):
            spin.connect("valueChanged(double)", self._onChanged)
        ui.petLayoutButton.clicked.connect(self._onPetLayout)
        ui.priorCombo.connect("currentIndexChanged(int)", self._onPrior)
        ui.priorLayoutButton.clicked.connect(self._onPriorLayout)
        for check in (ui.show3DCheck, ui.showNodesCheck, ui.showOrgansCheck, ui.namesCheck, ui.smoothCheck):
            check.connect("toggled(bool)", self._onChanged)
        ui.showCtButton.clicked.connect(self._onShowCt)
        for radio in (ui.plainRadio, ui.petRadio, ui.mapRadio):
            radio.connect("toggled(bool)", self._onForeground)
        for slider in (ui.foregroundOpacitySlider, ui.mapThresholdSlider):
            slider.connect("valueChanged(double)", self._onChanged)

    def refresh(self) -> None:
        """Show the options as they were last applied."""
        ui, overlays = self.ui, self.logic.overlays
        ui.displaySection.enabled = overlays is not None
        if overlays is None:
            return
        options = overlays.options()
        with self.refreshing():
            chooseKey(ui.representationCombo, options.stationStyle if options.stationsVisible else "none")
            chooseKey(ui.colorByCombo, options.stationColor)
            chooseKey(ui.mapColorCombo, options.mapColorMap)
            self._refreshMaps(options.mapRole)
            ui.show3DCheck.checked = options.show3D
            ui.namesCheck.checked, ui.smoothCheck.checked = options.namesVisible, options.smoothOutlines
            chooseKey(ui.ctWindowCombo, windowOf(self.logic.requireCase().ctNode()))
            chooseKey(ui.petColorCombo, options.petColorMap)
            ui.petUpperSpin.value, ui.petLowerSpin.value = options.petUpperSuv, options.petLowerSuv
            ui.petLayoutButton.checked = self.logic.petViews.isShown
            self._refreshPrior()
            ui.showNodesCheck.checked = overlays.nodesShown(options)
            self._refreshOrgans(options)
            radios = {"map": ui.mapRadio, "pet": ui.petRadio, "none": ui.plainRadio}
            radios[self._shownForeground(options.foreground)].checked = True
            ui.foregroundOpacitySlider.value = options.foregroundOpacity
            ui.mapThresholdSlider.value = options.mapThreshold
            self._refreshEnabled(hidden=self.logic.modelHidden())

    def _refreshOrgans(self, options: OverlayOptions) -> None:
        ui, case = self.ui, self.logic.requireCase()
        hasOrgans = case.organsNode() is not None
        ui.showOrgansCheck.enabled = hasOrgans
        ui.showOrgansCheck.checked = ui.organTable.visible = hasOrgans and options.organsVisible
        if ui.showOrgansCheck.checked:
            self.organs.setRows(organRows(case))

    def _refreshMaps(self, chosen: str) -> None:
        """The maps that the case has."""
        ui, roles = self.ui, self.logic.requireCase().mapRoles()
        fillCombo(ui.mapCombo, [(role, mapTitle(role)) for role in roles])
        if roles:
            chooseKey(ui.mapCombo, chosen if chosen in roles else roles[0])

    def _refreshEnabled(self, hidden: bool) -> None:
        ui = self.ui
        hasMap, hasPet = ui.mapCombo.count > 0 and not hidden, self._has("pet")
        ui.mapRadio.enabled = hasMap
        ui.mapRadio.toolTip = _mapTip(comboKey(ui.mapCombo)) if hasMap else _noMapTip(hidden)
        ui.mapCombo.enabled = hasMap and ui.mapCombo.count > 1
        ui.petRadio.enabled = hasPet
        ui.petRadio.toolTip = _petTip() if hasPet else _("The case has no PET.")
        for widget in (ui.mapThresholdSlider, ui.mapColorCombo):
            widget.enabled = hasMap
        for widget in (ui.petColorCombo, ui.petUpperSpin, ui.petLowerSpin, ui.petLayoutButton):
            widget.enabled = hasPet
        ui.foregroundOpacitySlider.enabled = not ui.plainRadio.checked
        ui.colorByCombo.enabled = ui.showNodesCheck.enabled = not hidden
        ui.showNodesCheck.toolTip = self._nodesTip(hidden)

    def options(self, overlays: Overlays) -> OverlayOptions:
        """The options as the widgets say, over those that hold."""
        ui = self.ui
        style = comboKey(ui.representationCombo)
        before = overlays.options()
        return replace(
            before,
            stationsVisible=style != "none",
            stationStyle=before.stationStyle if style == "none" else cast(StationStyle, style),
            stationColor=cast(StationColor, comboKey(ui.colorByCombo)),
            nodesVisible=self._nodesVisible(overlays),
            organsVisible=ui.showOrgansCheck.checked if ui.showOrgansCheck.enabled else before.organsVisible,
            show3D=ui.show3DCheck.checked,
            namesVisible=ui.namesCheck.checked,
            smoothOutlines=ui.smoothCheck.checked,
            petColorMap=comboKey(ui.petColorCombo),
            petUpperSuv=ui.petUpperSpin.value,
            petLowerSuv=ui.petLowerSpin.value,
            foreground=self._foreground(before.foreground),
            foregroundOpacity=ui.foregroundOpacitySlider.value,
            mapRole=self._mapRole(before.mapRole),
            mapThreshold=ui.mapThresholdSlider.value,
            mapColorMap=comboKey(ui.mapColorCombo),
        )

    def _nodesVisible(self, overlays: Overlays) -> bool | None:
        """What was left to the method stays so until the box is clicked."""
        checked, before = self.ui.showNodesCheck.checked, overlays.options()
        return before.nodesVisible if checked == overlays.nodesShown(before) else bool(checked)

    def _nodesTip(self, hidden: bool) -> str:
        if hidden:
            return _("Hidden until every station is called.")
        if nodesAreFit(self.logic.requireCase().assessment()):
            return _("Nodes are colored by their call.")
        return _(
            "Unconfirmed candidates of a method of low specificity, thymus, recesses and vessels among them: in one "
            "neutral color, and hidden until you ask for them."
        )

    def _foreground(self, before: Foreground) -> Foreground:
        if self.ui.mapRadio.checked:
            return "map"
        if self.ui.petRadio.checked:
            return "pet"
        # What was chosen and is not there (yet), or hidden, stays chosen.
        return before if self._shownForeground(before) == "none" else "none"

    def _mapRole(self, before: str) -> str:
        """The chosen map, where one is to be drawn: what a scene says stays until then."""
        return comboKey(self.ui.mapCombo) if self.ui.mapRadio.checked else before

    def _shownForeground(self, chosen: str) -> str:
        """What is chosen, where there is such a thing; a blind read shows nothing though it stays chosen."""
        isThere = self._has(chosen) and not (chosen == "map" and self.logic.modelHidden())
        return chosen if isThere else "none"

    def _has(self, foreground: str) -> bool:
        case, overlays = self.logic.requireCase(), self.logic.overlays
        if foreground == "map":
            return overlays is not None and case.mapNode(overlays.options().mapRole) is not None
        return foreground == "pet" and case.petNode() is not None

    def _onShowCt(self) -> None:
        if self.logic.overlays is not None:
            self.logic.overlays.showCt()

    def _onWindow(self) -> None:
        name, case = comboKey(self.ui.ctWindowCombo), self.logic.case
        if not self.isRefreshing and name and case is not None and case.ctNode() is not None:
            setWindow(case.ctNode(), name)

    def _refreshPrior(self) -> None:
        ui, case = self.ui, self.logic.requireCase()
        others = [other for other in self.logic.cases() if other != case]
        fillCombo(ui.priorCombo, [("", _("none")), *((other.key, other.name) for other in others)])
        prior = case.prior()
        chooseKey(ui.priorCombo, prior.key if prior is not None else "")
        ui.priorCombo.enabled = bool(others)
        ui.priorLayoutButton.enabled = case.priorToCase() is not None
        ui.priorLayoutButton.checked = self.logic.priorViews.isShown

    def _onPrior(self) -> None:
        if not self.isRefreshing and self.logic.case is not None:
            key = comboKey(self.ui.priorCombo)
            self.logic.compareWith(next((case for case in self.logic.cases() if case.key == key), None))

    def _onPriorLayout(self) -> None:
        if self.ui.priorLayoutButton.checked and self.logic.case is not None:
            self.logic.priorViews.show(self.logic.case)
        else:
            self.logic.priorViews.hide()

    def _onPetLayout(self) -> None:
        case, overlays = self.logic.case, self.logic.overlays
        if case is None or overlays is None or not self.ui.petLayoutButton.checked:
            self.logic.petViews.hide()
            return
        # The fusion needs the PET's colors for what lies over the CT.
        self.ui.petRadio.checked = True
        self.logic.petViews.show(case, overlays.options())
        # The names of the stations, in the new views too.
        self.logic.showOverlays()

    def _onForeground(self, checked: bool) -> None:
        # The one that is switched off tells too.
        if checked:
            self._onChanged()

    def _onChanged(self) -> None:
        overlays = self.logic.overlays
        if not self.isRefreshing and overlays is not None:
            self.logic.showOverlays(self.options(overlays))
            with self.refreshing():
                self._refreshOrgans(overlays.options())
            self._refreshEnabled(self.logic.modelHidden())


def _styles() -> list[tuple[str, str]]:
    return [("outline", _("outline")), ("fill", _("fill")), ("both", _("outline and fill")), ("none", _("hidden"))]


def _windows() -> list[tuple[str, str]]:
    """Titles of the windows."""
    titles = {"mediastinum": _("mediastinum"), "lung": _("lung"), "bone": _("bone")}
    return [("", _("other window")), *((name, titles[name]) for name in WINDOWS_HU)]


def _mapTip(role: str) -> str:
    return _("{shows} Stations and nodes are drawn as outlines while it is shown.").format(shows=mapTip(role))


def _noMapTip(hidden: bool) -> str:
    if hidden:
        return _("Hidden until every station is called.")
    return _("There is no map: neither the calls nor the stations were made by a method that gives one.")


def _petTip() -> str:
    return _("The PET over the CT. Stations and nodes are drawn as outlines while it is shown.")
