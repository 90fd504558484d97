"""The CT scanner: slice thickness, kernel, noise, streaks and the couch, on the CT's own grid."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import fft
from scipy.ndimage import gaussian_filter, map_coordinates

from LNStationLib.imaging.grid import Grid
from LNStationLib.phantom.anatomy.frame import Frame
from LNStationLib.phantom.anatomy.shapes import Float32Array
from LNStationLib.support.types import HuArray

AIR_HU = -1000.0
"""Room air."""
_NOISE_AT_MM, _NOISE_AT_SLICE_MM = 0.8, 3.0
"""Pixels and slices at which the noise levels of ``Kernel`` hold; it falls with the
root of the slice, and with the pixel."""
_DENSE_HU = 420.0
"""Contrast medium above this casts streaks."""


@dataclass(frozen=True)
class Kernel:
    """A reconstruction kernel.

    Attributes:
        blur_mm: Standard deviation of its point spread in plane.
        noise_peak_per_mm: Frequency at which its noise is strongest.
        noise_factor: Its noise against that of the soft kernel.
        noise_range_hu: Least and greatest standard deviation of its noise below the shoulders.
        edge_gain: How far it overshoots at edges, as a share of their height.
    """

    blur_mm: float
    noise_peak_per_mm: float
    noise_factor: float
    noise_range_hu: tuple[float, float] = (0.0, float("inf"))
    edge_gain: float = 0.0


# The lung kernel's noise is that of the maker's sharpest kernels on real chest CTs, 60 to 120 HU in soft tissue.
KERNELS = {
    "soft": Kernel(0.55, 0.22, 1.0),
    "medium": Kernel(0.42, 0.32, 1.5),
    "sharp": Kernel(0.25, 0.5, 2.6),
    "lung": Kernel(0.2, 0.6, 7.5, (60.0, 120.0), 0.35),
}
_EDGE_MM = 1.2
"""Width of a sharp kernel's overshoot."""


def scan(
    hu: Float32Array,
    frame: Frame,
    rng: np.random.Generator,
    *,
    couch: bool = True,
    streaks: bool = True,
    back_mm: float | None = None,
) -> HuArray:
    """Scan a painted patient.

    Args:
        hu: Attenuation on ``frame.model_grid``.
        frame: Where the patient lies.
        rng: Random generator of noise and streaks.
        couch: Whether there is a thin couch under the patient's back.
        streaks: Whether dense contrast medium makes streaks.
        back_mm: Where the back lies (y) that the couch is under; by default that of the image itself.

    Returns:
        int16 HU ``[z, y, x]`` on ``frame.ct_grid``.
    """
    grid, traits = frame.ct_grid, frame.variation
    kernel = KERNELS[traits.kernel]
    image = frame.image(hu, AIR_HU)
    if couch:
        _couch(image, grid, back_of(image, grid) if back_mm is None else back_mm)
    sigma = [0.0, *(kernel.blur_mm / s for s in grid.spacing_mm[1:])]
    image = gaussian_filter(image, sigma, truncate=3, output=image)
    if kernel.edge_gain > 0:
        _sharpen(image, grid, kernel.edge_gain)
    if streaks:
        _streaks(image, grid, rng)
    _add_noise(image, grid, kernel, traits.noise_hu, rng)
    np.round(image, out=image)
    np.clip(image, -1024, 3071, out=image)
    return np.asarray(image, np.int16)


def back_of(image: Float32Array, grid: Grid) -> float | None:
    """Where the patient's back ends (y in mm) in an image without a couch; None without a patient."""
    body = image[:, :, grid.shape[2] // 4 : -(grid.shape[2] // 4) or None] > -300
    rows = np.flatnonzero(body.any((0, 2)))
    return float(grid.coordinates_mm(1)[rows[-1]]) if rows.size else None


def with_lung_kernel(hu: HuArray, grid: Grid, rng: np.random.Generator, sd_hu: float = 90.0) -> HuArray:
    """A CT of another kernel as a lung kernel might have made it: sharp edges, and the noise of such a kernel.

    Args:
        hu: int16 HU ``[z, y, x]``.
        grid: Its grid.
        rng: Random generator of the noise.
        sd_hu: Standard deviation of the noise below the shoulders.
    """
    image, kernel = hu.astype(np.float32), KERNELS["lung"]
    _sharpen(image, grid, kernel.edge_gain)
    _noise(image, grid, kernel.noise_peak_per_mm, sd_hu, rng)
    return np.asarray(np.clip(np.round(image), -1024, 3071), np.int16)


def _sharpen(image: Float32Array, grid: Grid, gain: float) -> None:
    """Overshoot at edges in plane."""
    sigma = [_EDGE_MM / s for s in grid.spacing_mm[1:]]
    for plane in image:
        plane += np.float32(gain) * (plane - gaussian_filter(plane, sigma, truncate=3))


def _couch(image: Float32Array, grid: Grid, back_mm: float | None) -> None:
    """A curved carbon plate with foam inside and a thin mattress, under the patient's back."""
    if back_mm is None:
        return
    y, x = grid.coordinates_mm(1)[:, None], grid.coordinates_mm(2)[None, :]
    top = back_mm + 2.0 - 30.0 * (x / 200.0) ** 2
    depth = (y - top).astype(np.float32)
    inside = (np.abs(x) < 215).astype(np.float32)
    table = np.full(depth.shape, AIR_HU, np.float32)
    for first, last, hu in ((0.0, 9.0, -940.0), (9.0, 11.5, -120.0), (11.5, 40.0, -965.0), (40.0, 42.5, -120.0)):
        cover = np.clip(np.minimum(depth - first, last - depth) / grid.spacing_mm[1] + 0.5, 0, 1) * inside
        table += cover * (hu - table)
    # Tissue that reaches into the mattress presses it down.
    np.maximum(image, table[None], out=image, where=image < -600)


def _add_noise(image: Float32Array, grid: Grid, kernel: Kernel, level: float, rng: np.random.Generator) -> None:
    """Noise with a kernel's spectrum in plane, independent from slice to slice, stronger through the shoulders."""
    thin = np.sqrt(_NOISE_AT_SLICE_MM / grid.spacing_mm[0]) * _NOISE_AT_MM / min(grid.spacing_mm[2], 2.0)
    sd = float(np.clip(level * kernel.noise_factor * float(np.clip(thin, 0.5, 2.0)), *kernel.noise_range_hu))
    _noise(image, grid, kernel.noise_peak_per_mm, sd, rng)


def _noise(image: Float32Array, grid: Grid, peak_per_mm: float, sd: float, rng: np.random.Generator) -> None:
    spectrum = _noise_spectrum(grid, peak_per_mm)
    z = grid.coordinates_mm(0)
    shape = grid.shape[1:]
    for k in range(grid.shape[0]):
        wave = fft.rfft2(rng.standard_normal(shape, np.float32))
        wave *= spectrum
        noise = fft.irfft2(wave, shape)
        shoulders = 1 + 0.55 * np.clip((z[k] - 45) / 30, 0, 1) * np.clip((200 - z[k]) / 50, 0, 1)
        noise *= np.float32(sd * shoulders / max(float(noise.std()), 1e-6))
        image[k] += noise


def _noise_spectrum(grid: Grid, peak_per_mm: float) -> npt.NDArray[np.float32]:
    """Square root of the noise power: a ramp up to the peak, then the kernel's roll-off."""
    fy = np.fft.fftfreq(grid.shape[1], grid.spacing_mm[1])[:, None]
    fx = np.fft.rfftfreq(grid.shape[2], grid.spacing_mm[2])[None]
    frequency = np.sqrt(fx * fx + fy * fy)
    power = (0.03 + frequency / peak_per_mm) * np.exp(-((frequency / peak_per_mm) ** 2) / 2)
    return np.asarray(np.sqrt(power), np.float32)


def _streaks(image: Float32Array, grid: Grid, rng: np.random.Generator) -> None:
    """Bright and dark rays around undiluted contrast medium in the veins."""
    rays = gaussian_filter(rng.standard_normal((grid.shape[0], 180)), [0.7, 1.6], mode="wrap")
    rays /= rays.std()
    y, x = (grid.coordinates_mm(a).astype(np.float32) for a in (1, 2))
    low = np.flatnonzero(np.abs(x) < 90)
    window = (slice(None), slice(int(low[0]), int(low[-1]) + 1)) if low.size else (slice(None), slice(None))
    for k in range(grid.shape[0]):
        # Veins lie in front of the spine and behind the sternum; bone is dense too but no blood.
        part = image[k][window]
        dense = (part > _DENSE_HU) & (np.abs(y) < 45)[:, None] & (y < 5)[:, None]
        area = float(dense.sum()) * grid.spacing_mm[1] * grid.spacing_mm[2]
        if area < 60:
            continue
        rows, columns = np.nonzero(dense)
        weight = part[rows, columns] - _DENSE_HU
        cy, cx = np.average(y[rows], weights=weight), np.average(x[window[1]][columns], weights=weight)
        excess = float(weight.mean()) / 400
        dy, dx = y[:, None] - cy, x[window[1]][None] - cx
        distance = np.sqrt(dy * dy + dx * dx)
        angle = (np.degrees(np.arctan2(dy, dx)) + 180) / 2
        ray = map_coordinates(rays[k], [angle], order=1, mode="grid-wrap").astype(np.float32)
        strength = 55 * excess * np.clip(distance / 8, 0, 1) * np.exp(-distance / 28)
        image[k][window] += np.where(part > -700, ray * strength, 0)
