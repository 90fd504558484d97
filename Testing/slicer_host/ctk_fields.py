"""Stand-ins for CTK's other widgets: combo boxes, buttons, paths, messages."""

from __future__ import annotations

from typing import Any

import qt

from .ctk_sections import StandIn
from .signals import OwnSignal


class ctkComboBox(StandIn, qt.QComboBox):
    """A combo box with a text for nothing chosen."""

    NeverScroll, AlwaysScroll, ScrollWithFocus, ScrollWithNoFocus = range(4)
    _wheel = AlwaysScroll

    @property
    def scrollWheelEffect(self) -> int:
        return self._wheel

    @scrollWheelEffect.setter
    def scrollWheelEffect(self, value: int) -> None:
        self._wheel = value
        # CTK does so too, whatever the policy was.
        self.focusPolicy = qt.Qt.StrongFocus if value == self.ScrollWithFocus else qt.Qt.WheelFocus

    def wheelEvent(self, event: Any) -> None:
        if self._wheel == self.NeverScroll or (self._wheel == self.ScrollWithFocus and not self.focus):
            event.ignore()
        else:
            super().wheelEvent(event)

    @property
    def defaultText(self) -> str:
        return str(self.placeholderText)

    @defaultText.setter
    def defaultText(self, value: str) -> None:
        self.placeholderText = value


class ctkCheckableComboBox(StandIn, qt.QComboBox):
    """A combo box whose items can be checked; shows the checked ones."""

    checkedIndexesChanged = OwnSignal("checkedIndexesChanged()")

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._items = qt.QStandardItemModel(self)
        self.setModel(self._items)
        self._items.rowsInserted.connect(self._make_checkable)
        self._items.itemChanged.connect(self._changed)

    def _make_checkable(self, parent: Any, first: int, last: int) -> None:
        for row in range(first, last + 1):
            item = self._items.item(row)
            if item is not None and item.data(qt.Qt.CheckStateRole) is None:
                item.setFlags(qt.Qt.ItemIsEnabled | qt.Qt.ItemIsUserCheckable)
                item.setData(qt.Qt.Unchecked, qt.Qt.CheckStateRole)

    def _changed(self) -> None:
        self.update()
        self.checkedIndexesChanged.emit()

    def checkedIndexes(self) -> tuple[Any, ...]:
        rows = range(self._items.rowCount())
        return tuple(self._items.index(row, 0) for row in rows if self._items.item(row).checkState() == qt.Qt.Checked)

    def checkState(self, index: Any) -> Any:
        return self._items.itemFromIndex(index).checkState()

    def setCheckState(self, index: Any, state: Any) -> None:
        self._items.itemFromIndex(index).setCheckState(state)

    def allChecked(self) -> bool:
        return len(self.checkedIndexes()) == self._items.rowCount()

    def noneChecked(self) -> bool:
        return not self.checkedIndexes()

    def paintEvent(self, event: Any) -> None:
        painter = qt.QStylePainter(self)
        option = qt.QStyleOptionComboBox()
        self.initStyleOption(option)
        option.currentText = ", ".join(index.data() for index in self.checkedIndexes()) or self.placeholderText
        painter.drawComplexControl(qt.QStyle.CC_ComboBox, option)
        painter.drawControl(qt.QStyle.CE_ComboBoxLabel, option)
        painter.end()


class ctkMenuButton(StandIn, qt.QPushButton):
    """A push button with a menu behind its arrow."""


class ctkSearchBox(StandIn, qt.QLineEdit):
    """A line edit for searching."""

    @property
    def showSearchIcon(self) -> bool:
        return True

    @showSearchIcon.setter
    def showSearchIcon(self, value: bool) -> None:
        self.setClearButtonEnabled(True)


class ctkFittedTextBrowser(StandIn, qt.QTextBrowser):
    """A text browser."""


class ctkPathLineEdit(StandIn, qt.QWidget):
    """A path, typed or browsed for."""

    currentPathChanged = OwnSignal("currentPathChanged(QString)")

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*[one for one in arguments if isinstance(one, qt.QWidget)])
        self._edit, self._browse = qt.QLineEdit(), qt.QToolButton()
        self._filters, self._name_filters, self._label, self._key = 0, (), "", ""
        self._browse.text = "…"
        layout = qt.QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._edit, 1)
        layout.addWidget(self._browse)
        self._edit.textChanged.connect(lambda text: self.currentPathChanged.emit(text))
        self._browse.clicked.connect(self.browse)

    def browse(self) -> None:
        path = qt.QFileDialog.getOpenFileName(self, "", self.currentPath)
        if path:
            self.currentPath = path

    def addCurrentPathToHistory(self) -> None:
        """History lives in the settings of the application; the stand-in keeps none."""

    @property
    def currentPath(self) -> str:
        return str(self._edit.text)

    @currentPath.setter
    def currentPath(self, value: str) -> None:
        self._edit.text = value

    def setCurrentPath(self, value: str) -> None:
        self.currentPath = value

    filters = property(lambda self: self._filters, lambda self, value: self._keep("_filters", value))
    nameFilters = property(
        lambda self: self._name_filters, lambda self, value: self._keep("_name_filters", tuple(value))
    )
    label = property(lambda self: self._label, lambda self, value: self._keep("_label", value))
    settingKey = property(lambda self: self._key, lambda self, value: self._keep("_key", value))
    Dirs, Drives, Files, Executable, Readable, Writable, NoDot, NoDotDot = 1, 4, 2, 64, 16, 32, 8192, 16384

    def _keep(self, name: str, value: Any) -> None:
        self.__dict__[name] = value


class ctkDirectoryButton(StandIn, qt.QWidget):
    """A folder on a button that opens a folder dialog."""

    directoryChanged = OwnSignal("directoryChanged(QString)")
    directorySelected = OwnSignal("directorySelected(QString)")

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*[one for one in arguments if isinstance(one, qt.QWidget)])
        self._directory, self._caption = "", ""
        self._button = qt.QPushButton()
        self._button.icon = self.style().standardIcon(qt.QStyle.SP_DirIcon)
        layout = qt.QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._button)
        self._button.clicked.connect(self.browse)

    def browse(self) -> None:
        folder = qt.QFileDialog.getExistingDirectory(self, self._caption, self._directory)
        if folder:
            self.directory = folder
            self.directorySelected.emit(folder)

    @property
    def directory(self) -> str:
        return self._directory

    @directory.setter
    def directory(self, value: str) -> None:
        changed, self._directory = value != self._directory, value
        self._button.text = value
        if changed:
            self.directoryChanged.emit(value)

    def setDirectory(self, value: str) -> None:
        self.directory = value

    caption = property(lambda self: self._caption, lambda self, value: self.__dict__.update(_caption=value))


class ctkColorPickerButton(StandIn, qt.QPushButton):
    """A button that shows a color."""

    colorChanged = OwnSignal("colorChanged(QColor)")

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._color = qt.QColor(0, 0, 0)

    @property
    def color(self) -> Any:
        return self._color

    @color.setter
    def color(self, value: Any) -> None:
        changed, self._color = value != self._color, qt.QColor(value)
        picture = qt.QPixmap(16, 16)
        picture.fill(self._color)
        self.icon = qt.QIcon(picture)
        if changed:
            self.colorChanged.emit(self._color)


class ctkMessageBox(StandIn, qt.QMessageBox):
    """A message box that may offer not to be shown again."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*[one for one in arguments if one is not None])
        self._key, self._again = "", False

    dontShowAgainSettingsKey = property(lambda self: self._key, lambda self, value: self.__dict__.update(_key=value))
    dontShowAgainVisible = property(lambda self: self._again, lambda self, value: self.__dict__.update(_again=value))
