"""The two channels of a node's patch as streams of a network."""

from __future__ import annotations

from collections.abc import Sequence

CHANNELS = ("ct", "ct_zoomed")
"""A node at its own size among its neighbors (PGLS's global stream), and zoomed to its box (its local stream)."""


def stream_indices(streams: Sequence[str], channels: Sequence[str]) -> tuple[int, ...]:
    """Where the streams that a network sees lie among the input's channels.

    Raises:
        ValueError: There is none, one is named twice, or one is not among the channels.
    """
    missing = [name for name in streams if name not in channels]
    if not streams or len(set(streams)) != len(streams) or missing:
        raise ValueError(f"streams must be one or more of {', '.join(channels)}, got {', '.join(streams) or 'none'}")
    return tuple(list(channels).index(name) for name in streams)
