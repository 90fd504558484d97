"""Memory that a process holds."""

from __future__ import annotations

import gc


def resident_mib() -> float:
    """Resident memory of this process after garbage has been collected, MiB."""
    import psutil

    gc.collect()
    return round(psutil.Process().memory_info().rss / 2**20, 1)
