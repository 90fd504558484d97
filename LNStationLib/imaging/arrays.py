"""The one place where the voxels of an image become an array.

SimpleITK's own view of an image (``GetArrayViewFromImage``) does not keep the image alive: where the image was a
temporary, the array reads freed memory. Reads of small images then silently give wrong voxels, and reads of
large ones end the process. Copies would be safe too, but would take another 325 MB for each look at a CT of
512 x 512 x 620. So the view here holds its image; pyproject.toml bans the raw call everywhere else.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk


class _Voxels:
    """What an array view is made from; numpy keeps it, and with it the image, as the base of the array."""

    def __init__(self, image: sitk.Image) -> None:
        # SimpleITK shares voxels between copies until one is viewed or written, then gives that one a new buffer, and
        # so would take the old one from under earlier views. A shared image is viewed through a copy of its own.
        self.image = image if image.IsUnique() else sitk.Image(image)
        view = sitk.GetArrayViewFromImage(self.image)  # noqa: TID251 (the one home)
        self.__array_interface__ = view.__array_interface__


def array_view(image: sitk.Image) -> npt.NDArray[Any]:
    """Read-only array of an image's own voxels; it stays valid after the last name of the image is gone.

    The image's voxels must not be written while the array is in use. For an array to write to, take
    ``sitk.GetArrayFromImage``, which copies.

    Args:
        image: Of any pixel type and dimension.

    Returns:
        The voxels ``[z, y, x]`` (``[z, y, x, component]`` for vector pixels), in the image's pixel type, not copied.
    """
    return np.asarray(_Voxels(image))
