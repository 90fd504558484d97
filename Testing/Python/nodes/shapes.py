"""Bodies of known size on grids of any spacing, orientation and position, for the tests of nodes and metastasis."""

import numpy as np
import SimpleITK as sitk

AXIAL = np.eye(3)
SAGITTAL = np.array([[0.0, 0, 1], [1, 0, 0], [0, -1, 0]])
CORONAL = np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]])
FLIPPED = np.diag([-1.0, -1.0, 1.0])
UPSIDE_DOWN = np.diag([1.0, -1.0, -1.0])
ORIENTATIONS = {
    "axial": AXIAL,
    "sagittal": SAGITTAL,
    "coronal": CORONAL,
    "flipped": FLIPPED,
    "upside_down": UPSIDE_DOWN,
}


def rotation(degrees, axis):
    """Rotation matrix about the patient's axis 0 (x), 1 (y) or 2 (z)."""
    angle = np.radians(degrees)
    c, s = np.cos(angle), np.sin(angle)
    plane = [other for other in range(3) if other != axis]
    matrix = np.eye(3)
    matrix[np.ix_(plane, plane)] = [[c, -s], [s, c]]
    return matrix


def volume(size_mm, spacing, direction=AXIAL, center=(0.0, 0.0, 0.0), pixel=sitk.sitkInt16, value=0.0):
    """Image centered at an LPS point; ``size_mm`` and ``spacing`` along its own axes i, j, k."""
    size = [max(1, round(extent / step)) for extent, step in zip(size_mm, spacing, strict=True)]
    image = sitk.Image(size, pixel)
    image.SetSpacing([float(step) for step in spacing])
    image.SetDirection(np.asarray(direction, float).ravel().tolist())
    half = direction @ ((np.array(size) - 1) / 2 * np.array(spacing))
    image.SetOrigin([float(v) for v in np.array(center) - half])
    return image + value if value else image


def points(image):
    """LPS points ``[z, y, x, 3]`` of all voxel centers."""
    grid = np.stack(np.meshgrid(*[np.arange(n) for n in image.GetSize()], indexing="ij"), axis=-1)
    direction = np.array(image.GetDirection()).reshape(3, 3)
    return (np.array(image.GetOrigin()) + (grid * np.array(image.GetSpacing())) @ direction.T).transpose(2, 1, 0, 3)


def ellipsoid(image, center, diameters_mm, turn=AXIAL):
    """Voxels of ``image`` inside an ellipsoid with these diameters along the patient's axes, turned by ``turn``."""
    local = (points(image) - np.array(center)) @ turn
    return ((local / (np.array(diameters_mm) / 2)) ** 2).sum(axis=-1) <= 1


def like(values, image):
    """Wrap an array on the grid of ``image``."""
    out = sitk.GetImageFromArray(values)
    out.CopyInformation(image)
    return out


def left_of_zero(point):
    """Side of an LPS point with the midline at x = 0."""
    return "L" if point[0] >= 0 else "R"
