"""Typst in a process of its own, where memory is limited: it ends its process when it gets none, and says nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from LNStationLib.support.failures import is_out_of_memory

_LIMIT_S = 600
"""A report takes a second; a machine without memory to spare is slow."""
_OUTPUT = "report.pdf"
_CHILD = """
import datetime, json, sys
import typst
source, when, options = json.load(sys.stdin)
typst.compile(source, timestamp=datetime.datetime.fromisoformat(when), **options)
"""


def compile_apart(source: Path, options: Mapping[str, Any], when: datetime) -> bytes:
    """Typeset a file.

    Args:
        source: The Typst file; the PDF is written beside it.
        options: Of ``typst.compile``.
        when: The date that the PDF carries.

    Raises:
        MemoryError: The process was ended, or had too little memory to begin.
        RuntimeError: Typst refused the file; a defect of the template.
    """
    output = source.with_name(_OUTPUT)
    told = json.dumps([str(source), when.isoformat(), {**options, "output": str(output)}], default=str)
    done = subprocess.run(
        [sys.executable, "-c", _CHILD],
        input=told,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        capture_output=True,
        text=True,
        errors="replace",
        timeout=_LIMIT_S,
        check=False,
    )
    if done.returncode == 0:
        return output.read_bytes()
    last = done.stderr.strip().rpartition("\n")[2]
    refusal = RuntimeError(f"typst ended with {done.returncode}: {last[:200]}")
    if done.returncode < 0 or "MemoryError" in done.stderr or is_out_of_memory(RuntimeError(done.stderr)):
        raise MemoryError(str(refusal)) from None
    raise refusal
