"""A headless host for LNStation's scripted module: Slicer's real MRML core, PySide6 in the part of PythonQt.

``start()`` once per process makes ``slicer``, ``qt``, ``ctk``, ``vtk`` and ``SampleData`` importable as in Slicer,
with a scene, the module logics and four views that render off screen. ``load_module(path)`` loads a scripted module
as Slicer would. What the host stands in for, and what it refuses because PythonQt would: ``docs/decisions.md``.

Nothing of Slicer or Qt is imported before ``start()``, so that ``why_unavailable()`` can be asked anywhere.
"""

from .availability import why_unavailable
from .host import (
    change_settings,
    clear_scene,
    confirm_with,
    load_module,
    messages,
    set_testing,
    slot_errors,
    start,
    take_messages,
    take_slot_errors,
)

__all__ = [
    "change_settings",
    "clear_scene",
    "confirm_with",
    "load_module",
    "messages",
    "set_testing",
    "slot_errors",
    "start",
    "take_messages",
    "take_slot_errors",
    "why_unavailable",
]
