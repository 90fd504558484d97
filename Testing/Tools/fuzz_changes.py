"""Changes that a fuzz test makes to a CT: what scanners, converters and users do to images, and worse.

Every change takes a random generator and an image and gives the changed image with words that say what was done.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import permutations

import numpy as np
import SimpleITK as sitk

MAX_VOXELS = 16_000_000
"""Finer resampling than this only costs time; fewer would hide what only large images show (250 voxels cubed)."""
MAX_GROWTH = 8
"""Times as many voxels as before, at most: small images stay small enough for the short form."""

Change = Callable[[np.random.Generator, sitk.Image], tuple[str, sitk.Image]]

_AXES = "ijk"
_FLIPS = ("L", "R"), ("A", "P"), ("I", "S")
_PADDING_HU = (-3024.0, -2000.0, -1024.0, 0.0)
_PIXELS = ("UInt8", "Int8", "UInt16", "Int16", "UInt32", "Int32", "Int64", "Float32", "Float64")


def crop(rng: np.random.Generator, image: sitk.Image) -> tuple[str, sitk.Image]:
    """Cut off 5 to 75 % of the view at one to three of its six sides."""
    low, high = [0] * 3, [0] * 3
    words = []
    for side in rng.choice(6, size=rng.integers(1, 4), replace=False):
        axis, at_end = divmod(int(side), 2)
        room = image.GetSize()[axis] - 1 - low[axis] - high[axis]
        voxels = int(min(room, rng.uniform(0.05, 0.75) * image.GetSize()[axis]))
        (high if at_end else low)[axis] = voxels
        words.append(f"{voxels} voxels at the {'end' if at_end else 'start'} of {_AXES[axis]}")
    return f"crop {', '.join(words)}", sitk.Crop(image, low, high)


def slab(rng: np.random.Generator, image: sitk.Image) -> tuple[str, sitk.Image]:
    """Keep 1 to 30 voxels along one axis: a scout, a biopsy's slab, a preview."""
    axis = int(rng.integers(3))
    size = image.GetSize()[axis]
    keep = min(int(rng.integers(1, 31)), size)
    start = int(rng.integers(0, size - keep + 1))
    low, high = [0] * 3, [0] * 3
    low[axis], high[axis] = start, size - keep - start
    return f"keep {keep} voxels of {_AXES[axis]} from {start}", sitk.Crop(image, low, high)


def spacing(rng: np.random.Generator, image: sitk.Image) -> tuple[str, sitk.Image]:
    """Resample to voxels of 0.4 to 10 mm an axis."""
    wanted = np.exp(rng.uniform(np.log(0.4), np.log(10.0), size=3))
    extent = np.array(image.GetSize()) * np.array(image.GetSpacing())
    size = np.maximum(np.round(extent / wanted), 1)
    while np.prod(size) > min(MAX_VOXELS, MAX_GROWTH * image.GetNumberOfPixels()):
        size[np.argmax(size)] = np.ceil(size.max() / 1.5)
    new = extent / size
    first = image.TransformContinuousIndexToPhysicalPoint(
        [float(v) for v in new / 2 / np.array(image.GetSpacing()) - 0.5]
    )
    changed = sitk.Resample(
        image,
        [int(n) for n in size],
        sitk.Transform(),
        sitk.sitkLinear,
        first,
        [float(v) for v in new],
        image.GetDirection(),
        -1024,
    )
    return "spacing " + " x ".join(f"{v:.2f}" for v in new) + " mm", changed


def orientation(rng: np.random.Generator, image: sitk.Image) -> tuple[str, sitk.Image]:
    """One of the 48 axis orders, with the header that belongs to it."""
    order = list(permutations(range(3)))[int(rng.integers(6))]
    code = "".join(_FLIPS[axis][int(rng.integers(2))] for axis in order)
    return f"orientation {code}", sitk.DICOMOrient(image, code)


def oblique(rng: np.random.Generator, image: sitk.Image) -> tuple[str, sitk.Image]:
    """Resample onto a grid turned by up to 35 degrees about any axis; corners hold air or a scanner's padding."""
    axis = rng.normal(size=3)
    angle = float(rng.uniform(1, 35))
    turn = sitk.VersorTransform([float(v) for v in axis / np.linalg.norm(axis)], np.radians(angle))
    matrix = np.array(turn.GetMatrix()).reshape(3, 3) @ np.array(image.GetDirection()).reshape(3, 3)
    middle = (np.array(image.GetSize()) - 1) / 2
    center = np.array(image.TransformContinuousIndexToPhysicalPoint([float(v) for v in middle]))
    origin = center - matrix @ (middle * np.array(image.GetSpacing()))
    outside = float(rng.choice(_PADDING_HU[:3]))
    changed = sitk.Resample(
        image,
        image.GetSize(),
        sitk.Transform(),
        sitk.sitkLinear,
        origin.tolist(),
        image.GetSpacing(),
        matrix.ravel().tolist(),
        outside,
    )
    return f"oblique by {angle:.0f} degrees, {outside:.0f} HU outside", changed


def lost_header(rng: np.random.Generator, image: sitk.Image) -> tuple[str, sitk.Image]:
    """Turn and flip the voxels and claim that nothing happened."""
    order = [int(v) for v in rng.permutation(3)]
    flips = [bool(v) for v in rng.integers(0, 2, size=3)]
    changed = sitk.Flip(sitk.PermuteAxes(image, order), flips)
    changed.SetDirection((1, 0, 0, 0, 1, 0, 0, 0, 1))
    changed.SetOrigin((0, 0, 0))
    if rng.random() < 0.3:
        changed.SetSpacing((1, 1, 1))
    return f"axes {order} flipped {flips} with a header that does not say so", changed


def header(rng: np.random.Generator, image: sitk.Image) -> tuple[str, sitk.Image]:
    """A spacing or an origin that no scanner writes."""
    changed = sitk.Image(image)
    kind = int(rng.integers(3))
    if kind == 0:
        factor = float(rng.choice([1e-3, 0.1, 0.3, 3.0, 10.0, 1e3]))
        changed.SetSpacing([s * factor for s in image.GetSpacing()])
        return f"spacing times {factor:g}", changed
    if kind == 1:
        stretched = list(image.GetSpacing())
        stretched[int(rng.integers(3))] = float(rng.choice([1e-4, 0.01, 50.0, 500.0]))
        changed.SetSpacing(stretched)
        return f"spacing {stretched}", changed
    far = [float(v) for v in rng.uniform(-1e6, 1e6, size=3)]
    changed.SetOrigin(far)
    return f"origin {far}", changed


def padding(rng: np.random.Generator, image: sitk.Image) -> tuple[str, sitk.Image]:
    """Slabs of air, or of a scanner's padding, at any side."""
    low, high = ([int(v) for v in rng.integers(0, 30, size=3)] for _ in range(2))
    value = float(rng.choice(_PADDING_HU))
    return f"pad {low} and {high} voxels of {value:.0f} HU", sitk.ConstantPad(image, low, high, value)


def noise(rng: np.random.Generator, image: sitk.Image) -> tuple[str, sitk.Image]:
    """White noise of up to 400 HU, or salt and pepper."""
    hu = _array(image)
    if rng.random() < 0.3:
        share = float(rng.uniform(0.001, 0.2))
        hit = rng.random(hu.shape) < share
        hu[hit] = rng.choice([-1024, 3071], size=int(hit.sum()))
        return f"{share:.1%} of voxels salt and pepper", _like(hu, image)
    sd = float(rng.uniform(5, 400))
    return f"noise of {sd:.0f} HU", _like(hu + rng.normal(0, sd, hu.shape), image)


def constant_slab(rng: np.random.Generator, image: sitk.Image) -> tuple[str, sitk.Image]:
    """Slices of one value: dropped in transfer, or blackened."""
    hu = _array(image)
    axis = int(rng.integers(3))
    start = int(rng.integers(hu.shape[axis]))
    stop = start + int(rng.integers(1, hu.shape[axis] + 1))
    value = float(rng.choice([-1024, -1000, 0, 40, 3071, *_PADDING_HU]))
    hu[tuple(slice(start, stop) if i == axis else slice(None) for i in range(3))] = value
    return f"{value:.0f} HU from {start} to {min(stop, hu.shape[axis])} of axis {axis}", _like(hu, image)


def not_finite(rng: np.random.Generator, image: sitk.Image) -> tuple[str, sitk.Image]:
    """Voxels or slices that are no number."""
    hu = _array(image)
    value = float(rng.choice([np.nan, np.inf, -np.inf]))
    if rng.random() < 0.5:
        hu[rng.random(hu.shape) < rng.uniform(1e-5, 0.3)] = value
        return f"scattered voxels {value}", _like(hu, image)
    hu[: int(rng.integers(1, hu.shape[0] + 1))] = value
    return f"slices {value}", _like(hu, image)


def values(rng: np.random.Generator, image: sitk.Image) -> tuple[str, sitk.Image]:
    """Values that are no Hounsfield units: scaled, shifted, inverted, windowed, one only."""
    hu = _array(image)
    kinds: dict[str, Callable[[], np.ndarray]] = {
        "raw counts, 1024 too high": lambda: hu + 1024,
        "divided by 1000": lambda: hu / 1000,
        "times 1000": lambda: hu * 1000,
        "inverted": lambda: -hu,
        "a window of 0 to 255": lambda: np.clip((hu + 160) / 400, 0, 1) * 255,
        "scaled to 0 to 1": lambda: (hu - hu.min()) / max(float(np.ptp(hu)), 1.0),
        "all the same": lambda: np.full_like(hu, float(rng.choice([-1024, 0, 40, 1e6]))),
        "metal everywhere above 30 HU": lambda: np.where(hu > 30, 30000, hu),
        "random": lambda: rng.uniform(-1024, 3071, hu.shape),
    }
    name = str(rng.choice(list(kinds)))
    return f"values {name}", _like(kinds[name](), image)


def pixel_type(rng: np.random.Generator, image: sitk.Image) -> tuple[str, sitk.Image]:
    """Another pixel type, clipped to its range."""
    name = str(rng.choice(_PIXELS))
    kind = getattr(sitk, f"sitk{name}")
    if "Float" in name:
        return f"pixels {name}", sitk.Cast(image, kind)
    limits = np.iinfo(name.lower())
    hu = np.nan_to_num(_array(image), nan=0.0, posinf=0.0, neginf=0.0)
    return f"pixels {name}", sitk.Cast(_like(np.clip(hu, max(limits.min, -1e9), min(limits.max, 1e9)), image), kind)


def dimensions(rng: np.random.Generator, image: sitk.Image) -> tuple[str, sitk.Image]:
    """An image of two or four dimensions, or in color."""
    kind = int(rng.integers(3))
    if kind == 0:
        return "one slice of two dimensions", image[:, :, image.GetSize()[2] // 2]
    if kind == 1:
        count = int(rng.integers(1, 3))
        return f"four dimensions, {count} volumes", sitk.JoinSeries([image] * count)
    gray = sitk.Cast(sitk.RescaleIntensity(sitk.Cast(image, sitk.sitkFloat32), 0, 255), sitk.sitkUInt8)
    return "red, green and blue", sitk.Compose(gray, gray, gray)


GEOMETRY: tuple[Change, ...] = (crop, crop, crop, slab, spacing, spacing, orientation, orientation, oblique, padding)
"""What may be asked of any reader; the more everyday, the more often."""
HARM: tuple[Change, ...] = (lost_header, header, noise, constant_slab, not_finite, values)
"""What a file may suffer."""
LAST: tuple[Change, ...] = (pixel_type, dimensions)
"""What other changes could not read afterwards."""


def draw_changes(rng: np.random.Generator) -> list[Change]:
    """One to four changes in the order in which they can be made."""
    drawn = [GEOMETRY[int(i)] for i in rng.integers(0, len(GEOMETRY), size=rng.integers(0, 3))]
    if rng.random() < 0.4 or not drawn:
        drawn.append(HARM[int(rng.integers(len(HARM)))])
    if rng.random() < 0.25:
        drawn.append(pixel_type if rng.random() < 0.7 else dimensions)
    return drawn


def _array(image: sitk.Image) -> np.ndarray:
    return sitk.GetArrayFromImage(image).astype(np.float64)


def _like(hu: np.ndarray, image: sitk.Image) -> sitk.Image:
    changed = sitk.GetImageFromArray(hu.astype(np.float32))
    changed.CopyInformation(image)
    return changed
