"""The translation function ``_`` of Slicer, or one that changes nothing where Slicer's is not there."""

from __future__ import annotations

try:
    # The very function, not one around it: it finds the file that calls it from the frame above.
    from slicer.i18n import tr as _
except ImportError:

    def _(text: str) -> str:
        return text


__all__ = ["_"]
