"""Best smooth path from slice to slice (dynamic programming)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

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
    rows, columns = score.shape[1:]
    padded = np.full((rows + 2 * reach, columns + 2 * reach), -np.inf)
    total = padded[reach : reach + rows, reach : reach + columns]
    total[:] = score[0]
    before = [
        (
            padded[reach + dy : reach + dy + rows, reach + dx : reach + dx + columns],
            step_cost * float(np.hypot(dy, dx)),
        )
        for dy, dx in moves
    ]
    came = np.zeros(score.shape, dtype=np.int16)
    for index in range(1, len(score)):
        total[:] = _best_move(before, came[index]) + score[index]
    path = np.zeros((len(score), 2), dtype=int)
    path[-1] = np.unravel_index(int(total.argmax()), total.shape)
    for index in range(len(score) - 1, 0, -1):
        path[index - 1] = path[index] + moves[came[index][tuple(path[index])]]
    return path


def _best_move(before: list[tuple[FloatArray, float]], came: npt.NDArray[np.int16]) -> FloatArray:
    """Highest total of the previous slice less its move's cost, at every place.

    Args:
        before: By move: totals of the previous slice as seen after it, and its cost.
        came: Filled with the number of the best move, the first of equals; zeros at first.
    """
    (part, cost), *others = before
    best = part - cost
    for number, (part, cost) in enumerate(others, start=1):
        option = part - cost
        np.putmask(came, option > best, number)
        np.maximum(best, option, out=best)
    return best
