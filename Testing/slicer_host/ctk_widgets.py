"""The module ``ctk``: stand-ins with the properties, methods and signals of CTK's widgets, and much the same look."""

from __future__ import annotations

import sys
import types

from . import ctk_fields, ctk_numbers, ctk_sections


def install() -> types.ModuleType:
    """Put the stand-ins into ``sys.modules`` as ``ctk``."""
    module = types.ModuleType("ctk", "Stand-ins for CTK's widgets.")
    for source in (ctk_sections, ctk_numbers, ctk_fields):
        for name, value in vars(source).items():
            if name.startswith("ctk"):
                setattr(module, name, value)
    sys.modules["ctk"] = module
    return module
