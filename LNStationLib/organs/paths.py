"""Best smooth path from slice to slice (dynamic programming)."""

from __future__ import annotations

import numpy as np

from LNStationLib.support.types import FloatArray


def best_path(score: FloatArray, step_cost: float, reach: int = 1) -> np.ndarray:
    """Path through all slices with the largest sum of scores minus the cost of its sideways steps.

    Args:
        score: Score of every voxel, ``[slice, row, column]``.
        step_cost: Cost of moving by one voxel between neighboring slices.
        reach: Largest move in each direction between neighboring slices, in voxels.

    Returns:
        ``(row, column)`` for every slice, int ``(slices, 2)``.
    """
    moves = [(dy, dx) for dy in range(-reach, reach + 1) for dx in range(-reach, reach + 1)]
    total = score[0].astype(np.float64)
    came = np.zeros(score.shape, dtype=np.int16)
    for index in range(1, len(score)):
        options = _moved(total, moves, reach, step_cost)
        came[index] = options.argmax(axis=0)
        total = options.max(axis=0) + score[index]
    path = np.zeros((len(score), 2), dtype=int)
    path[-1] = np.unravel_index(int(total.argmax()), total.shape)
    for index in range(len(score) - 1, 0, -1):
        path[index - 1] = path[index] + moves[came[index][tuple(path[index])]]
    return path


def _moved(total: FloatArray, moves: list[tuple[int, int]], reach: int, step_cost: float) -> FloatArray:
    """Totals of the previous slice seen from every place after each move, less the move's cost."""
    rows, columns = total.shape
    padded = np.pad(total, reach, constant_values=-np.inf)
    return np.stack(
        [
            padded[reach + dy : reach + dy + rows, reach + dx : reach + dx + columns]
            - step_cost * float(np.hypot(dy, dx))
            for dy, dx in moves
        ]
    )
