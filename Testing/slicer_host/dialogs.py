"""Message boxes of ``slicer.util``: nobody sits before this screen, so they are noted and answered at once."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


def install(util: Any, messages: list[tuple[str, str]], answers: dict[str, bool]) -> None:
    """Replace the boxes of ``slicer.util``; texts go to ``messages``, answers come from ``answers``."""
    for name, level in (("info", logging.INFO), ("warning", logging.WARNING), ("error", logging.ERROR)):
        setattr(util, f"{name}Display", _shower(name, level, messages))
    for name in ("confirmOkCancelDisplay", "confirmYesNoDisplay"):
        setattr(util, name, _asker(messages, answers))
    util.confirmRetryCloseDisplay = _asker(messages, {"confirm": False})
    util.messageBox = _shower("box", logging.INFO, messages)
    util.tryWithErrorDisplay = _catcher(messages)
    util.selectModule = _select_module
    util.selectedModule = lambda: _selected[-1] if _selected else ""


def _shower(name: str, level: int, messages: list[tuple[str, str]]) -> Any:
    def show(text: str, *arguments: Any, **keywords: Any) -> None:
        if "detailedText" in keywords and keywords["detailedText"] is None:
            raise TypeError("PythonQt would show the word None under Show Details: leave detailedText away")
        logging.getLogger("slicer.util").log(level, text)
        messages.append((name, text))

    return show


def _asker(messages: list[tuple[str, str]], answers: dict[str, bool]) -> Any:
    def ask(text: str, *arguments: Any, **keywords: Any) -> bool:
        messages.append(("confirm", text))
        return answers["confirm"]

    return ask


def _catcher(messages: list[tuple[str, str]]) -> Any:
    @contextmanager
    def tryWithErrorDisplay(
        message: str | None = None, show: bool = True, waitCursor: bool = False
    ) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            logging.getLogger("slicer.util").exception(message)
            if show:
                messages.append(("error", f"{message}\n\n{error}" if message else str(error)))

    return tryWithErrorDisplay


_selected: list[str] = []


def _select_module(module: Any) -> None:
    """Leave the panel shown and enter another, as choosing a module in the toolbar does."""
    import slicer

    name = module if isinstance(module, str) else module.name
    chosen = slicer.util.getModule(name)
    for panel, function in ((_panel(_selected[-1]) if _selected else None, "exit"), (_panel_of(chosen), "enter")):
        if panel is not None:
            getattr(panel, function)()
    _selected.append(name)


def _panel(name: str) -> Any:
    import slicer

    module = slicer.app.moduleManager().module(name)
    return _panel_of(module) if module is not None else None


def _panel_of(module: Any) -> Any:
    return module.widgetRepresentation()
