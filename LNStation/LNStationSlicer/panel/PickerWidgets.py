"""The widgets that choose the method of one step, or a model package for it."""

from __future__ import annotations

from typing import Any

import ctk
import qt

from LNStationSlicer.panel.OptionFields import narrowCombo
from LNStationSlicer.support.Translation import _


class PickerWidgets:
    """A line with the choice; below it what must be said of it, and the package's card.

    Attributes:
        frame: Holds all others.
        combo: Methods and packages.
        menuButton: Folders of packages.
        noteLabel: What must be said beside the choice.
        installButton: Installs what learned models need.
        briefLabel: The package's card in five lines.
        cardGroup, cardLabel: The whole card.
    """

    def __init__(self, title: str, hasMenu: bool) -> None:
        self.frame = qt.QWidget()
        self.combo = narrowCombo()
        self.combo.toolTip = _("By what: a method that needs no package, or the network of a model package.")
        self.combo.setSizePolicy(qt.QSizePolicy.Expanding, qt.QSizePolicy.Fixed)
        self.menuButton = _menuButton()
        self.menuButton.visible = hasMenu
        self.noteLabel = _label(qt.Qt.PlainText)
        self.installButton = qt.QPushButton(_("Install what learned models need..."))
        self.installButton.toolTip = _(
            "PyTorch, MONAI and OpenVINO, about 8 GB; you are asked before anything is downloaded."
        )
        self.cardLabel = _label(qt.Qt.RichText)
        self.cardLabel.setTextInteractionFlags(qt.Qt.TextSelectableByMouse)
        self.cardGroup = _cardGroup(self.cardLabel)
        self.briefLabel = _label(qt.Qt.RichText)
        self._arrange(title)

    def _arrange(self, title: str) -> None:
        line = qt.QHBoxLayout()
        for widget in (qt.QLabel(title), self.combo, self.menuButton):
            line.addWidget(widget)
        layout = qt.QVBoxLayout(self.frame)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(line)
        for widget in (self.noteLabel, self.installButton, self.briefLabel, self.cardGroup):
            widget.visible = False
            layout.addWidget(widget)


def _label(textFormat: Any) -> Any:
    label = qt.QLabel()
    label.textFormat = textFormat
    label.wordWrap = True
    return label


def _menuButton() -> Any:
    button = qt.QToolButton()
    button.setText("...")
    button.popupMode = qt.QToolButton.InstantPopup
    button.toolTip = _("Folders searched for model packages.")
    return button


def _cardGroup(label: Any) -> Any:
    group = ctk.ctkCollapsibleGroupBox()
    group.title = _("More about this model")
    layout = qt.QVBoxLayout(group)
    layout.addWidget(label)
    group.collapsed = True
    return group
