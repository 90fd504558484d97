"""Draw montages of synthetic patients beside a real chest CT, and print attenuations of both.

python3 Testing/Tools/phantom_montage.py --out docs/images [--seeds 1 2 3] [--real ../shared/data/chest_ct_01]
python3 Testing/Tools/phantom_montage.py --scan-traits   # only the pictures of traits and of the head-to-thigh extent
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import SimpleITK as sitk
from scipy import ndimage

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from LNStationLib.imaging.grid import Grid, resample_to_grid
from LNStationLib.phantom import PhantomCase, thorax
from LNStationLib.phantom.case import in_bed, render
from LNStationLib.phantom.images.bedding import bedding_of
from LNStationLib.phantom.samples import demo_plan
from LNStationLib.phantom.scan_traits import ScanTrait

REPOSITORY = Path(__file__).resolve().parents[2]
SOFT, LUNG = (-160, 240), (-1350, 150)
TRAITS: tuple[dict[str, Any], ...] = (
    {"sex": "M", "contrast": "venous", "arms": "up", "kernel": "soft"},
    {"sex": "F", "contrast": "arterial", "arms": "up", "kernel": "soft", "arch": "bovine"},
    {"sex": "M", "contrast": "none", "arms": "down", "kernel": "medium", "fat_mm": 22.0, "aortic_elongation_mm": 7.0},
)
"""The three patients: a routine examination, a pulmonary angiogram of a woman, and a plain one of an obese man."""
AIR, COARSE = (-1050, -650), (-1050, 350)
WIDE_MM = (1.5, 1.5, 2.5)
SHOWN_TRAITS: tuple[tuple[ScanTrait, ...], ...] = (
    (), ("gown",), ("blanket",), ("open_blanket",), ("pillow", "mattress"), ("arms_down",),
    ("gown", "blanket", "pillow", "mattress", "arms_down"), ("lung_kernel",), ("unenhanced",),
)  # fmt: skip
LEVELS_MM = (290, 240, 200, 160, 135, -215, -255, -300, -370, -440, -490, -600)
"""Levels of an average adult above and below the chest."""
TISSUES = ("fat", "muscle", "blood", "lung")


@dataclass(frozen=True)
class Volume:
    """A CT in LPS with axes along the patient's."""

    name: str
    hu: np.ndarray
    grid: Grid

    def axial(self, z_mm: float) -> np.ndarray:
        """The slice nearest to a height."""
        return self.hu[int(np.clip(round(self.grid.index((0, 0, z_mm))[0]), 0, self.hu.shape[0] - 1))]

    def coronal(self, y_mm: float) -> np.ndarray:
        """Head up."""
        return self.hu[::-1, int(np.clip(round(self.grid.index((0, y_mm, 0))[1]), 0, self.hu.shape[1] - 1))]

    def sagittal(self, x_mm: float) -> np.ndarray:
        """Head up, face to the left."""
        return self.hu[::-1, :, int(np.clip(round(self.grid.index((x_mm, 0, 0))[2]), 0, self.hu.shape[2] - 1))]

    def aspect(self, axis: int) -> float:
        """Height of a pixel over its width in slices across an array axis."""
        rows, columns = (s for a, s in enumerate(self.grid.spacing_mm) if a != axis)
        return rows / columns


def body_box(patient: Volume, margin_mm: float = 10.0, couch_mm: float = 0.0) -> tuple[slice, slice]:
    """Rows and columns that hold the body, and some of the couch behind it; a clinical field of view is half air."""
    body = (patient.hu > -300).mean(0)
    slices = []
    for axis, behind in ((0, couch_mm), (1, 0.0)):
        size, spacing = body.shape[axis], patient.grid.spacing_mm[axis + 1]
        # A few stray voxels of the couch are in no slice's middle.
        used = np.flatnonzero((body > 0.04).sum(1 - axis) > 0.06 * body.shape[1 - axis])
        margin = round(margin_mm / spacing)
        slices.append(slice(max(used[0] - margin, 0), min(used[-1] + margin + round(behind / spacing), size)))
    return slices[0], slices[1]


def patient(seed: int, spacing_mm: tuple[float, float, float], traits: dict[str, Any]) -> PhantomCase:
    """The demo's patient with other traits."""
    plan = replace(demo_plan(seed), spacing_mm=spacing_mm, has_pet=True)
    return render(plan, organs="none", traits=traits)


def volume(image: sitk.Image, name: str) -> Volume:
    """Read an image that lies along the axes, in any order of them."""
    image = sitk.DICOMOrient(image, "LPS")
    grid = Grid(image.GetSize()[::-1], image.GetSpacing()[::-1], image.GetOrigin()[::-1])
    return Volume(name, sitk.GetArrayFromImage(image), grid)


def axial_montage(patient: Volume, path: Path, window: tuple[int, int], count: int = 20) -> None:
    """All levels from the neck to the upper abdomen."""
    z, box = patient.grid.coordinates_mm(0), body_box(patient, couch_mm=30.0 if window == LUNG else 0.0)
    height, width = (part.stop - part.start for part in box)
    figure, axes = plt.subplots(4, count // 4, figsize=(3.0 * count / 4, 4 * (3.0 * height / width + 0.2)))
    for axis, level in zip(axes.flat, np.linspace(z[-1] - 6, z[0] + 6, count), strict=True):
        _show(axis, patient.axial(level)[box], window, patient.aspect(0), f"{level:.0f} mm")
    _save(figure, path)


def planes_montage(patient: Volume, path: Path) -> None:
    """Coronal and sagittal planes in both windows."""
    rows, columns = body_box(patient)
    figure, axes = plt.subplots(2, 5, figsize=(15, 6.2), width_ratios=[1.2, 1.2, 1.2, 0.8, 0.8])
    for row, window in zip(axes, (SOFT, LUNG), strict=True):
        for axis, y in zip(row[:3], (-28, 8, 38), strict=True):
            _show(axis, patient.coronal(y)[:, columns], window, patient.aspect(1), f"y = {y} mm")
        for axis, x in zip(row[3:], (0, 60), strict=True):
            _show(axis, patient.sagittal(x)[:, rows], window, patient.aspect(2), f"x = {x} mm")
    _save(figure, path)


def beside_real(patients: list[Volume], real: Volume | None, path: Path) -> None:
    """Levels of synthetic patients beside the same levels of a real one, cut to the same field of view."""
    levels = {"arch": 34.0, "aortopulmonary window": 10.0, "right pulmonary artery": -24.0, "left atrium": -50.0,
              "ventricles": -78.0, "liver dome": -112.0}  # fmt: skip
    shown = [*([real] if real else []), *patients]
    figure, axes = plt.subplots(
        len(shown), len(levels), figsize=(2.3 * len(levels), 2.45 * len(shown)), squeeze=False
    )
    for row, patient in zip(axes, shown, strict=True):
        for axis, (name, z) in zip(row, levels.items(), strict=True):
            at = patient.grid.origin_mm[0] + 1.5 * _real_slice(z) if patient is real else z
            plane = _field(patient, patient.axial(at))
            _show(axis, plane, SOFT, patient.aspect(0), name if patient is shown[0] else "")
        row[0].text(-0.06, 0.5, patient.name, transform=row[0].transAxes, rotation=90, va="center", ha="right")
    _save(figure, path)


def _real_slice(z: float) -> float:
    # Slices of chest_ct_01, 1.5 mm apart from below, that show what the synthetic patients show at these heights.
    return float(np.interp(z, [-112, -78, -50, -24, 10, 34], [46, 66, 88, 106, 124, 140]))


def _field(patient: Volume, plane: np.ndarray) -> np.ndarray:
    """The middle 180 x 189 mm, which is what the real CT shows."""
    if plane.shape[0] * patient.grid.spacing_mm[1] < 200:
        return plane
    rows, columns = (round(w / s) for w, s in zip((189, 180), patient.grid.spacing_mm[1:], strict=True))
    top = round((-95 - patient.grid.origin_mm[1]) / patient.grid.spacing_mm[1])
    left = (plane.shape[1] - columns) // 2
    return plane[max(top, 0) : max(top, 0) + rows, left : left + columns]


def pet_montage(case: PhantomCase, path: Path) -> None:
    """PET over CT at the metastases, and maximum intensity projections."""
    ct = volume(case.case.ct, "")
    if case.case.pet is None:
        raise ValueError("the patient has no PET")
    suv = resample_to_grid(case.case.pet, case.grid, labels=False)
    hot = [node.center_mm for node in case.nodes if node.malignant and node.center_mm is not None][:4]
    box = body_box(ct)
    figure, axes = plt.subplots(1, len(hot) + 2, figsize=(3.3 * (len(hot) + 2), 2.9))
    for axis, (_, _, z) in zip(axes, hot, strict=False):
        k = int(np.clip(round(case.grid.index((0, 0, z))[0]), 0, case.grid.shape[0] - 1))
        _show(axis, ct.hu[k][box], SOFT, ct.aspect(0), f"{z:.0f} mm")
        axis.imshow(
            np.ma.masked_less(suv[k][box], 2.0), cmap="autumn", vmin=2, vmax=8, alpha=0.8, aspect=ct.aspect(0)
        )
    for axis, across in zip(axes[-2:], (1, 2), strict=True):
        axis.imshow(
            suv[::-1].max(across)[:, box[2 - across]], cmap="gray_r", vmin=0, vmax=8, aspect=ct.aspect(across)
        )
        axis.set_axis_off()
    _save(figure, path)


def traits_montage(seed: int, path: Path) -> None:
    """One patient with each trait of real scans: axial slices in windows for air and soft tissue, a coronal plane."""
    plain = thorax(seed, spacing_mm=WIDE_MM, with_pet=False, organs="none", field_of_view="wide")
    figure, axes = plt.subplots(len(SHOWN_TRAITS), 5, figsize=(12, 2.0 * len(SHOWN_TRAITS)))
    for row, traits in zip(axes, SHOWN_TRAITS, strict=True):
        bedding = bedding_of(traits)
        if set(traits) - {"gown", "blanket", "open_blanket", "pillow"}:
            case = thorax(
                seed, spacing_mm=WIDE_MM, with_pet=False, organs="none", scan_traits=traits, field_of_view="wide"
            )
        else:
            case = in_bed(plain, bedding)
        shown, length = volume(case.case.ct, ""), case.variation.length
        for axis, z in zip(row[:3], (96, 20, -140), strict=True):
            _show(axis, shown.axial(z * length), AIR, shown.aspect(0), f"{z} mm, air")
        _show(row[3], shown.axial(20 * length), SOFT, shown.aspect(0), "20 mm, soft tissue")
        _show(row[4], shown.coronal(20), COARSE, shown.aspect(1), "y = 20 mm")
        row[0].text(
            -0.04,
            0.5,
            "\n".join(traits).replace("_", " ") or "plain",
            transform=row[0].transAxes,
            va="center",
            ha="right",
        )
    _save(figure, path)


def whole_body_montage(seed: int, path: Path) -> None:
    """A patient from head to thigh: planes, the PET's maximum, and axial levels above and below the chest."""
    case = thorax(
        seed, spacing_mm=WIDE_MM, organs="none", scan_traits=("gown", "blanket", "pillow", "mattress"),
        field_of_view="wide", extent="head_to_thigh",
    )  # fmt: skip
    shown, length = volume(case.case.ct, ""), case.variation.length
    if case.case.pet is None:
        raise ValueError("the patient has no PET")
    figure = plt.figure(figsize=(15, 6.6), layout="constrained")
    planes, levels = figure.subfigures(1, 2, width_ratios=[1.2, 1])
    axes = planes.subplots(1, 4)
    for axis, y in zip(axes[:2], (-30, 20), strict=True):
        _show(axis, shown.coronal(y), SOFT, shown.aspect(1), f"y = {y} mm")
    _show(axes[2], shown.sagittal(0), COARSE, shown.aspect(2), "x = 0 mm")
    suv = volume(case.case.pet, "")
    axes[3].imshow(suv.hu[::-1].max(1), cmap="gray_r", vmin=0, vmax=8, aspect=suv.aspect(1))
    axes[3].set_axis_off()
    for axis, z in zip(levels.subplots(4, 3).flat, LEVELS_MM, strict=True):
        _show(axis, shown.axial(z * length), COARSE, shown.aspect(0), f"{z} mm")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=92, pil_kwargs={"optimize": True})
    plt.close(figure)
    _to_palette(path)


def tissue_samples(patient: Volume, blood: np.ndarray | None) -> dict[str, np.ndarray]:
    """Attenuations of fat, muscle, blood and lung, found in the same way in a synthetic and a real CT.

    Smoothing over 3 mm tells the tissues apart; the samples are of the image as it is, well inside of each.
    """
    sigma = [1.5 / s for s in patient.grid.spacing_mm]
    smooth = ndimage.gaussian_filter(patient.hu.astype(np.float32), sigma)
    ball = ndimage.generate_binary_structure(3, 1)
    z = np.arange(patient.hu.shape[0])[:, None, None] / patient.hu.shape[0]
    # From the first to the last row with soft tissue: a clinical field of view has air and a couch around the body.
    rows = np.flatnonzero((smooth > 20).mean((0, 2)) > 0.01)
    y = ((np.arange(patient.hu.shape[1]) - rows[0]) / max(rows[-1] - rows[0], 1))[None, :, None]
    masks = {
        "fat": (smooth > -130) & (smooth < -75),
        # Muscles of back and chest wall: soft tissue behind or in front of everything else, above the abdomen.
        "muscle": (smooth > 30) & (smooth < 85) & ((y > 0.72) | (y < 0.2)) & (z > 0.45),
        "lung": (smooth < -780) & (smooth > -915),
    }
    if blood is not None:
        masks["blood"] = blood
    return {
        name: patient.hu[ndimage.binary_erosion(mask, ball, 1 if name != "blood" else 3)]
        for name, mask in masks.items()
    }


def histograms(patients: list[tuple[Volume, np.ndarray | None]], path: Path) -> list[str]:
    """Draw histograms of the four tissues and return rows of a table: mean and standard deviation."""
    figure, axes = plt.subplots(1, 4, figsize=(15, 3.4))
    limits = {"fat": (-180, -30), "muscle": (-40, 140), "blood": (0, 700), "lung": (-1000, -700)}
    rows = ["| CT | " + " | ".join(TISSUES) + " |", "| --- " * (len(TISSUES) + 1) + "|"]
    for patient, blood in patients:
        samples = tissue_samples(patient, blood)
        for axis, name in zip(axes, TISSUES, strict=True):
            bins = np.arange(*limits[name], 8 if name == "blood" else 4) - 0.5
            axis.hist(samples[name], bins, density=True, histtype="step", label=patient.name, linewidth=1.4)
            axis.set_title(f"{name} (HU)")
            axis.set_yticks([])
        rows.append(
            f"| {patient.name} | "
            + " | ".join(f"{samples[n].mean():.0f} ± {samples[n].std():.0f}" for n in TISSUES)
            + " |"
        )
    axes[0].legend(fontsize=7)
    _save(figure, path)
    return rows


def _show(axis: Axes, plane: np.ndarray, window: tuple[int, int], aspect: float, title: str) -> None:
    axis.imshow(plane, cmap="gray", vmin=window[0], vmax=window[1], aspect=aspect, interpolation="bilinear")
    axis.set_title(title, fontsize=8, pad=3)
    axis.set_axis_off()


def _save(figure: Figure, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.tight_layout(pad=0.3)
    figure.savefig(path, dpi=92, pil_kwargs={"optimize": True})
    plt.close(figure)
    _to_palette(path)


def _to_palette(path: Path) -> None:
    """Gray and few colors need no true color; keeps a picture under 600 kB."""
    from PIL import Image

    for colors in (128, 64, 40):
        with Image.open(path) as picture:
            picture.convert("RGB").quantize(colors).save(path, optimize=True)
        if path.stat().st_size < 600_000:
            return


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=REPOSITORY / "docs" / "images")
    parser.add_argument("--seeds", type=int, nargs=3, default=[1, 2, 3])
    parser.add_argument("--real", type=Path, default=REPOSITORY.parent / "shared" / "data" / "chest_ct_01")
    parser.add_argument("--spacing", type=float, nargs=3, default=[0.8, 0.8, 2.5], metavar=("X", "Y", "Z"))
    parser.add_argument("--scan-traits", action="store_true", help="only traits and the head-to-thigh extent")
    chosen = parser.parse_args()
    traits_montage(chosen.seeds[0], chosen.out / "phantom_scan_traits.png")
    whole_body_montage(chosen.seeds[1], chosen.out / "phantom_head_to_thigh.png")
    if chosen.scan_traits:
        return
    cases = [patient(seed, tuple(chosen.spacing), traits) for seed, traits in zip(chosen.seeds, TRAITS, strict=True)]
    patients = [
        volume(c.case.ct, f"synthetic {s}, {t['sex']}, {t['contrast']}")
        for c, s, t in zip(cases, chosen.seeds, TRAITS, strict=True)
    ]
    real, real_blood = None, None
    if (chosen.real / "ct.nii.gz").exists():
        real = volume(sitk.ReadImage(str(chosen.real / "ct.nii.gz")), "chest_ct_01")
        mask = sitk.ReadImage(str(chosen.real / "organs" / "pulmonary_artery.nii.gz"))
        real_blood = sitk.GetArrayFromImage(sitk.DICOMOrient(mask, "LPS")) > 0
    axial_montage(patients[0], chosen.out / "phantom_axial_soft.png", SOFT)
    for number, shown in enumerate(patients[1:], start=2):
        axial_montage(shown, chosen.out / f"phantom_axial_soft_{number}.png", SOFT)
    axial_montage(patients[0], chosen.out / "phantom_axial_lung.png", LUNG)
    planes_montage(patients[0], chosen.out / "phantom_planes.png")
    pet_montage(cases[0], chosen.out / "phantom_pet.png")
    beside_real(patients, real, chosen.out / "phantom_beside_real.png")
    pairs = [(p, np.asarray(c.organs["pulmonary_artery"])) for p, c in zip(patients, cases, strict=True)]
    rows = histograms([*([(real, real_blood)] if real else []), *pairs], chosen.out / "phantom_histograms.png")
    print("\n".join(rows))


if __name__ == "__main__":
    main()
