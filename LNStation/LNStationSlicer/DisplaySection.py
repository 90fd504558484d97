"""Section "Display": how stations, nodes and the attention map are drawn."""

from __future__ import annotations

from dataclasses import replace

from LNStationSlicer.Overlays import COLOR_MAPS, OverlayOptions
from LNStationSlicer.Section import Section, chooseKey, comboKey, fillCombo
from LNStationSlicer.Translation import _


class DisplaySection(Section):
    """The options of the overlays; they are the case's and saved with it."""

    def setUp(self) -> None:
        """Every change redraws at once."""
        ui = self.ui
        fillCombo(ui.representationCombo, _styles())
        fillCombo(
            ui.colorByCombo, [("anatomy", _("colored by anatomy")), ("probability", _("colored by probability"))]
        )
        fillCombo(ui.attentionColorCombo, [(name, name) for name in COLOR_MAPS])
        for combo in (ui.representationCombo, ui.colorByCombo, ui.attentionColorCombo):
            combo.connect("currentIndexChanged(int)", self._onChanged)
        for check in (ui.show3DCheck, ui.showNodesCheck, ui.showAttentionCheck, ui.showPetCheck):
            check.connect("toggled(bool)", self._onChanged)
        ui.showAttentionCheck.connect("toggled(bool)", self._onAttention)
        ui.showPetCheck.connect("toggled(bool)", self._onPet)
        for slider in (ui.foregroundOpacitySlider, ui.attentionThresholdSlider):
            slider.connect("valueChanged(double)", self._onChanged)

    def refresh(self) -> None:
        """Show the options as they were last applied."""
        ui, overlays, case = self.ui, self.logic.overlays, self.logic.case
        ui.displaySection.enabled = overlays is not None
        if overlays is None:
            return
        options = overlays.options()
        with self.refreshing():
            chooseKey(ui.representationCombo, options.stationStyle if options.stationsVisible else "none")
            chooseKey(ui.colorByCombo, options.stationColor)
            chooseKey(ui.attentionColorCombo, options.attentionColorMap)
            ui.show3DCheck.checked = options.show3D
            ui.showNodesCheck.checked = options.nodesVisible
            ui.showAttentionCheck.checked = options.foreground == "attention"
            ui.showPetCheck.checked = options.foreground == "pet"
            ui.foregroundOpacitySlider.value = options.foregroundOpacity
            ui.attentionThresholdSlider.value = options.attentionThreshold
            self._refreshEnabled(hidden=self.logic.modelHidden())
        ui.showPetCheck.enabled = case.petNode() is not None

    def _refreshEnabled(self, hidden: bool) -> None:
        ui = self.ui
        hasAttention = self.logic.case.attentionNode() is not None and not hidden
        ui.showAttentionCheck.enabled = hasAttention
        ui.showAttentionCheck.toolTip = _attentionTip() if hasAttention else _("There is no attention map to show.")
        for widget in (ui.attentionThresholdSlider, ui.attentionColorCombo):
            widget.enabled = hasAttention
        ui.foregroundOpacitySlider.enabled = ui.showAttentionCheck.checked or ui.showPetCheck.checked
        ui.colorByCombo.enabled = not hidden

    def options(self) -> OverlayOptions:
        """The options as the widgets say."""
        ui = self.ui
        style = comboKey(ui.representationCombo)
        before = self.logic.overlays.options()
        return replace(
            before,
            stationsVisible=style != "none",
            stationStyle=before.stationStyle if style == "none" else style,
            stationColor=comboKey(ui.colorByCombo),
            nodesVisible=ui.showNodesCheck.checked,
            show3D=ui.show3DCheck.checked,
            foreground=self._foreground(),
            foregroundOpacity=ui.foregroundOpacitySlider.value,
            attentionThreshold=ui.attentionThresholdSlider.value,
            attentionColorMap=comboKey(ui.attentionColorCombo),
        )

    def _foreground(self) -> str:
        if self.ui.showAttentionCheck.checked:
            return "attention"
        return "pet" if self.ui.showPetCheck.checked else "none"

    def _onAttention(self, checked: bool) -> None:
        # Both lie in the foreground of the slice views, which holds one volume.
        if checked and not self.isRefreshing:
            self.ui.showPetCheck.checked = False

    def _onPet(self, checked: bool) -> None:
        if checked and not self.isRefreshing:
            self.ui.showAttentionCheck.checked = False

    def _onChanged(self) -> None:
        if not self.isRefreshing and self.logic.overlays is not None:
            self.logic.showOverlays(self.options())
            self._refreshEnabled(self.logic.modelHidden())


def _styles() -> list[tuple[str, str]]:
    return [("outline", _("outline")), ("fill", _("fill")), ("both", _("outline and fill")), ("none", _("hidden"))]


def _attentionTip() -> str:
    return _("Where the model looked. It is no proof of disease.")
