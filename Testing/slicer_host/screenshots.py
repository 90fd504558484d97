"""Pictures of the panel and of the rendered views, as PNG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import qt
import slicer

from . import views

BAR = 22
"""Height of the colored bar above each view, in pixels."""
GAP = 2


def panel(widget: Any, path: str | Path, width: int = 420, height: int | None = None) -> Path:
    """Grab a widget or a loaded module's whole panel; without a height (all in pixels), as high as it wants."""
    shown = widget.parent.widgetRepresentation() if hasattr(widget, "widget") and hasattr(widget, "name") else widget
    return _save(_grab(shown, width, height), path)


def _grab(widget: Any, width: int, height: int | None) -> Any:
    widget.resize(width, height or 10)
    if not widget.isVisible():
        widget.show()
    slicer.app.processEvents()
    if height is None:
        layout = widget.layout()
        wanted = layout.heightForWidth(width) if layout is not None and layout.hasHeightForWidth() else -1
        widget.resize(
            width, max(wanted, widget.sizeHint.height() if _is_property(widget) else widget.sizeHint().height())
        )
        slicer.app.processEvents()
    return widget.grab().toImage()


def _is_property(widget: Any) -> bool:
    return not callable(widget.sizeHint)


def slice_view(name: str, size: tuple[int, int] = views.DEFAULT_SIZE) -> np.ndarray:
    """Pixels of the slice view ``"Red"``, ``"Green"`` or ``"Yellow"``: uint8, ``(height, width, 3)``."""
    return views.picture(slicer.app.layoutManager().sliceWidget(name).sliceView(), size)


def three_d_view(size: tuple[int, int] = views.DEFAULT_SIZE) -> np.ndarray:
    """Pixels of the 3D view: uint8, ``(height, width, 3)``."""
    return views.picture(slicer.app.layoutManager().threeDWidget(0).threeDView(), size)


def save_view(name: str, path: str | Path, size: tuple[int, int] = views.DEFAULT_SIZE) -> Path:
    """Write one view (``"Red"``, ``"Green"``, ``"Yellow"``, ``"3D"``) as PNG."""
    pixels = three_d_view(size) if name == "3D" else slice_view(name, size)
    return _save(_image(pixels), path)


def four_up(path: str | Path, size: tuple[int, int] = (1000, 800)) -> Path:
    """Write the four views in Slicer's arrangement, each under its colored bar, as one PNG."""
    return _save(_four_up(size), path)


def layout(rows: Sequence[Sequence[str]], path: str | Path, size: tuple[int, int] = (1000, 800)) -> Path:
    """Write slice views in rows of two, each under its bar with its label, as one PNG."""
    places = {name: (column, row) for row, names in enumerate(rows) for column, name in enumerate(names)}
    return _save(_tiles(places, size), path)


def window(loaded: Any, path: str | Path, size: tuple[int, int] = (1400, 900), panel_width: int = 420) -> Path:
    """Write panel (left) and four views (right) side by side, much as Slicer's window shows them."""
    canvas = qt.QImage(*size, qt.QImage.Format_RGB32)
    canvas.fill(qt.QColor("#f0f0f0"))
    painter = qt.QPainter(canvas)
    painter.drawImage(0, 0, _grab(loaded.window, panel_width, size[1]))
    painter.drawImage(panel_width + GAP, 0, _four_up((size[0] - panel_width - GAP, size[1])))
    painter.end()
    return _save(canvas, path)


def _four_up(size: tuple[int, int]) -> Any:
    return _tiles({"Red": (0, 0), "1": (1, 0), "Green": (0, 1), "Yellow": (1, 1)}, size)


def _tiles(places: Mapping[str, tuple[int, int]], size: tuple[int, int]) -> Any:
    """Views by name at their column and row."""
    width, height = (size[0] - GAP) // 2, (size[1] - GAP) // 2
    room = (width, height - BAR)
    pictures = {name: three_d_view(room) if name == "1" else slice_view(name, room) for name in places}
    canvas = qt.QImage(*size, qt.QImage.Format_RGB32)
    canvas.fill(qt.QColor("#303030"))
    painter = qt.QPainter(canvas)
    for name, (column, row) in places.items():
        left, top = column * (width + GAP), row * (height + GAP)
        painter.fillRect(left, top, width, BAR, qt.QColor(_bar_color(name)))
        painter.setPen(qt.QColor("#000000"))
        painter.drawText(left + 8, top + BAR - 6, _bar_text(name))
        painter.drawImage(left, top + BAR, _image(pictures[name]))
    painter.end()
    return canvas


def _bar_color(name: str) -> str:
    return views.SLICE_VIEWS[name][1] if name in views.SLICE_VIEWS else views.SLICER_BLUE[1]


def _bar_text(name: str) -> str:
    if name == "1":
        return name
    node = slicer.app.layoutManager().sliceWidget(name).mrmlSliceNode()
    offset = node.GetSliceOffset()
    axes = {"Axial": "IS", "Coronal": "PA", "Sagittal": "LR"}.get(node.GetOrientation(), "")
    letter = axes[1 if offset > 0 else 0] if axes else ""
    return f"{node.GetLayoutLabel() if name not in views.SLICE_VIEWS else name[0]}    {letter}: {abs(offset):.1f} mm"


def _image(pixels: np.ndarray) -> Any:
    height, width, _ = pixels.shape
    data = np.ascontiguousarray(pixels)
    return qt.QImage(data.tobytes(), width, height, 3 * width, qt.QImage.Format_RGB888).copy()


def _save(image: Any, path: str | Path) -> Path:
    path = Path(path)
    if not image.save(str(path)):
        raise OSError(f"{path} could not be written")
    return path
