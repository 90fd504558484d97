"""Array and scalar types that recur; arrays are ``[z, y, x]`` unless a name says otherwise."""

from typing import Any, Literal

import numpy as np
import numpy.typing as npt

BoolArray = npt.NDArray[np.bool_]
FloatArray = npt.NDArray[np.floating[Any]]
HuArray = npt.NDArray[np.int16]
LabelArray = npt.NDArray[np.uint8]
InstanceArray = npt.NDArray[np.uint16]

Side = Literal["L", "R"]
Engine = Literal["auto", "torch", "openvino"]
"""What runs a network on a CPU."""

PointMm = tuple[float, float, float]
"""A point ``(x, y, z)`` in LPS millimetres."""
