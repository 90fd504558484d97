"""Stand-ins for CTK's sections that fold away, and what marks a stand-in."""

from __future__ import annotations

from typing import Any

import qt

from .signals import OwnSignal


class StandIn:
    """Marks a widget whose attributes are those of a C++ class: foreign ones are refused."""

    isStandIn = True


def draw_arrow(painter: Any, middle: float, folded: bool) -> None:
    """Draw the triangle at the left edge, its middle at a height in pixels: to the right where folded, else down."""
    right = [(7, middle - 5), (7, middle + 5), (13, middle)]
    down = [(5, middle - 3), (15, middle - 3), (10, middle + 4)]
    painter.drawPolygon(qt.QPolygonF([qt.QPointF(x, y) for x, y in (right if folded else down)]))


class ctkCollapsibleButton(StandIn, qt.QWidget):
    """A section with a header that folds it away."""

    contentsCollapsed = OwnSignal("contentsCollapsed(bool)")
    toggled = OwnSignal("toggled(bool)")
    clicked = OwnSignal("clicked(bool)")
    HEADER_HEIGHT = 24

    def __init__(self, *arguments: Any) -> None:
        title = arguments[0] if arguments and isinstance(arguments[0], str) else ""
        super().__init__(*[one for one in arguments if isinstance(one, qt.QWidget)])
        self._text, self._collapsed, self._hidden_by_us = title, False, []
        self.setContentsMargins(0, self.HEADER_HEIGHT, 0, 0)
        self.setSizePolicy(qt.QSizePolicy.Minimum, qt.QSizePolicy.Preferred)
        self.setMinimumHeight(self.HEADER_HEIGHT)
        self.setFocusPolicy(qt.Qt.StrongFocus)

    @property
    def text(self) -> str:
        return self._text

    @text.setter
    def text(self, value: str) -> None:
        self._text = value
        self.update()

    def setText(self, value: str) -> None:
        self.text = value

    @property
    def collapsed(self) -> bool:
        return self._collapsed

    @collapsed.setter
    def collapsed(self, value: bool) -> None:
        if bool(value) == self._collapsed:
            return
        self._collapsed = bool(value)
        self._show_contents()
        self.contentsCollapsed.emit(self._collapsed)
        self.toggled.emit(not self._collapsed)

    def setCollapsed(self, value: bool) -> None:
        self.collapsed = value

    @property
    def checked(self) -> bool:
        return not self._collapsed

    @checked.setter
    def checked(self, value: bool) -> None:
        self.collapsed = not value

    def setChecked(self, value: bool) -> None:
        self.checked = value

    @property
    def contentsFrameShape(self) -> Any:
        return qt.QFrame.NoFrame

    def click(self) -> None:
        """As if the header had been clicked."""
        self.collapsed = not self._collapsed
        self.clicked.emit(not self._collapsed)

    def _show_contents(self) -> None:
        if self._collapsed:
            contents = [child for child in self.children() if isinstance(child, qt.QWidget)]
            self._hidden_by_us += [child for child in contents if not child.isHidden()]
            for child in self._hidden_by_us:
                child.hide()
            self.setMaximumHeight(self.HEADER_HEIGHT)
        else:
            self.setMaximumHeight(16777215)
            for child in self._hidden_by_us:
                child.show()
            self._hidden_by_us = []
        self.updateGeometry()

    def childEvent(self, event: Any) -> None:
        # What is added to a folded section is folded away too, once it is made.
        if self._collapsed and event.added():
            qt.QTimer.singleShot(0, self._fold_late)

    def _fold_late(self) -> None:
        if self._collapsed:
            self._show_contents()

    def sizeHint(self) -> Any:
        if self._collapsed:
            return qt.QSize(120, self.HEADER_HEIGHT)
        return super().sizeHint()

    def mousePressEvent(self, event: Any) -> None:
        event.accept()

    def mouseReleaseEvent(self, event: Any) -> None:
        if event.button() == qt.Qt.LeftButton and event.position().y() <= self.HEADER_HEIGHT:
            self.click()

    def keyPressEvent(self, event: Any) -> None:
        if event.key() in (qt.Qt.Key_Space, qt.Qt.Key_Return):
            self.click()
        else:
            super().keyPressEvent(event)

    def paintEvent(self, event: Any) -> None:
        painter = qt.QPainter(self)
        painter.setRenderHint(qt.QPainter.Antialiasing)
        colors = self.palette
        header = qt.QRectF(0.5, 0.5, self.width - 1, self.HEADER_HEIGHT - 3)
        painter.setPen(colors.color(qt.QPalette.Mid))
        painter.setBrush(colors.color(qt.QPalette.Button).darker(104))
        painter.drawRoundedRect(header, 3, 3)
        painter.setPen(qt.Qt.NoPen)
        painter.setBrush(colors.color(qt.QPalette.ButtonText))
        draw_arrow(painter, self.HEADER_HEIGHT / 2 - 1, self._collapsed)
        painter.setPen(colors.color(qt.QPalette.ButtonText))
        text = header.adjusted(22, 0, -4, 0)
        painter.drawText(text, int(qt.Qt.AlignVCenter | qt.Qt.AlignLeft), self._text.replace("&&", "&"))
        painter.end()


class ctkCollapsibleGroupBox(StandIn, qt.QGroupBox):
    """A group box that folds to its title."""

    TITLE_HEIGHT = 20

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._hidden_by_us: list[Any] = []
        self.setCheckable(True)
        self.setChecked(True)
        self.setMinimumHeight(self.TITLE_HEIGHT)
        self.toggled.connect(self._fold)

    @property
    def collapsed(self) -> bool:
        return not self.checked

    @collapsed.setter
    def collapsed(self, value: bool) -> None:
        self.checked = not value

    def _fold(self, opened: bool) -> None:
        self.setMaximumHeight(16777215 if opened else self.TITLE_HEIGHT)
        if opened:
            for child in self._hidden_by_us:
                child.show()
            self._hidden_by_us = []
        else:
            contents = [child for child in self.children() if isinstance(child, qt.QWidget)]
            self._hidden_by_us = [child for child in contents if not child.isHidden()]
            for child in self._hidden_by_us:
                child.hide()

    def paintEvent(self, event: Any) -> None:
        painter = qt.QPainter(self)
        painter.setRenderHint(qt.QPainter.Antialiasing)
        colors = self.palette
        if not self.collapsed:
            painter.setPen(colors.color(qt.QPalette.Mid))
            painter.drawRoundedRect(qt.QRectF(0.5, self.TITLE_HEIGHT - 0.5, self.width - 1, self.height - 20), 3, 3)
        painter.setPen(qt.Qt.NoPen)
        # The group of this role is that of the window: an unchecked group box counts as disabled, which it is not.
        painter.setBrush(colors.color(qt.QPalette.Active, qt.QPalette.WindowText))
        draw_arrow(painter, self.TITLE_HEIGHT / 2, self.collapsed)
        painter.setPen(colors.color(qt.QPalette.Active, qt.QPalette.WindowText))
        area = qt.QRectF(20, 0, self.width - 20, self.TITLE_HEIGHT)
        painter.drawText(area, int(qt.Qt.AlignVCenter | qt.Qt.AlignLeft), self.title)
        painter.end()
