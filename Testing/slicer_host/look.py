"""A plain light look that is the same wherever the host runs, so that screenshots are too."""

from __future__ import annotations

from typing import Any

COLORS = {
    "Window": "#f0f0f0",
    "Base": "#ffffff",
    "AlternateBase": "#f5f7fa",
    "Button": "#f0f0f0",
    "Text": "#1c1c1c",
    "WindowText": "#1c1c1c",
    "ButtonText": "#1c1c1c",
    "Highlight": "#3b7fc4",
    "HighlightedText": "#ffffff",
    "ToolTipBase": "#ffffdc",
    "ToolTipText": "#1c1c1c",
    "PlaceholderText": "#8a8a8a",
}
DISABLED = "#9a9a9a"


def apply(application: Any) -> None:
    """Set style, colors and font of the application."""
    import qt

    application.setStyle("Fusion")
    palette = qt.QPalette()
    for role, color in COLORS.items():
        palette.setColor(getattr(qt.QPalette, role), qt.QColor(color))
    for role in ("Text", "WindowText", "ButtonText"):
        palette.setColor(qt.QPalette.Disabled, getattr(qt.QPalette, role), qt.QColor(DISABLED))
    application.setPalette(palette)
    application.setFont(qt.QFont("DejaVu Sans", 9))
