"""Robustness: lungs and stations of the same synthetic patients with and without what real scans have.

    python Testing/Benchmarks/robustness.py --patients 3 --cache work/robustness

Each patient is rendered once for each row, in the wide field of view, without PET and, unless ``--given key`` says
otherwise, without organ masks; organs are found and stations parsed by library calls. Lungs and stations are compared
with the patient's truth. Prints a Markdown table; one JSON file for each patient and row under ``--cache`` lets an
interrupted run go on.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from LNStationLib import anatomy  # noqa: E402  (the source tree is put on the path above)
from LNStationLib.assessment.assess import parse_case  # noqa: E402
from LNStationLib.case.case import Case  # noqa: E402
from LNStationLib.imaging.arrays import array_view  # noqa: E402
from LNStationLib.imaging.thorax_check import check_thorax  # noqa: E402
from LNStationLib.phantom import PhantomCase, thorax  # noqa: E402
from LNStationLib.phantom.case import Organs  # noqa: E402
from LNStationLib.phantom.scan_traits import Extent, ScanTrait  # noqa: E402
from LNStationLib.phantom.station_truth import station_truth  # noqa: E402
from LNStationLib.state.settings import Settings  # noqa: E402
from LNStationLib.support.errors import InputError  # noqa: E402
from LNStationLib.support.types import BoolArray, LabelArray  # noqa: E402

SPACING_MM = (1.5, 1.5, 2.5)
BASELINE = "plain"


@dataclass(frozen=True)
class Row:
    """How the patients of one row of the table are scanned."""

    traits: tuple[ScanTrait, ...] = ()
    extent: Extent = "chest"


ROWS: dict[str, Row] = {
    BASELINE: Row(),
    "gown": Row(("gown",)),
    "blanket": Row(("blanket",)),
    "open blanket": Row(("open_blanket",)),
    "pillow": Row(("pillow",)),
    "mattress": Row(("mattress",)),
    "arms down": Row(("arms_down",)),
    "lung kernel": Row(("lung_kernel",)),
    "unenhanced": Row(("unenhanced",)),
    "all bedding, arms down": Row(("gown", "blanket", "pillow", "mattress", "arms_down")),
    "head to thigh": Row((), "head_to_thigh"),
    "head to thigh, all bedding": Row(("gown", "blanket", "pillow", "mattress"), "head_to_thigh"),
}


@dataclass(frozen=True)
class Result:
    """What was found in one patient.

    Attributes:
        lung_ml: Volume of both lungs; 0 where none was found.
        lung_dice: Of both lungs with the truth.
        station_dice: Of every station that the truth or the parser has, by name.
        stations: Names of the stations that were found.
        seconds: For organs and stations.
        failed: The sentence of a refusal, or what a defect said; ``None`` where all went well.
    """

    lung_ml: float
    lung_dice: float
    station_dice: dict[str, float]
    stations: list[str]
    seconds: float
    failed: str | None = None

    @property
    def mean_station_dice(self) -> float:
        """Over the stations of truth and parser."""
        return float(np.mean(list(self.station_dice.values()))) if self.station_dice else 0.0


def dice(one: BoolArray, other: BoolArray) -> float:
    """Dice overlap; 1 for two empty masks."""
    total = int(one.sum()) + int(other.sum())
    return 2 * float((one & other).sum()) / total if total else 1.0


def assessed(case: Case) -> tuple[BoolArray, LabelArray]:
    """Lungs and stations of a case on its CT's grid, by the first half of an assessment.

    Raises:
        InputError: The case was refused.
    """
    check_thorax(case.ct, "CT", lambda _: None)
    parsed = parse_case(case, Settings())
    assert parsed.organs is not None
    values = [organ.label_value for organ in anatomy.organs() if organ.name in ("lung_left", "lung_right")]
    return np.isin(array_view(parsed.organs.label_map), values), array_view(parsed.stations)


def measure(phantom: PhantomCase) -> Result:
    """Assess one patient and compare with its truth."""
    truth = station_truth(phantom)
    true_lungs = phantom.organs["lung_left"] | phantom.organs["lung_right"]
    start = time.perf_counter()
    try:
        lungs, stations = assessed(phantom.case)
    except Exception as error:  # a defect of the product is a result here too
        kind = "refused" if isinstance(error, InputError) else f"defect, {type(error).__name__}"
        return Result(0.0, 0.0, {}, [], time.perf_counter() - start, f"{kind}: {error}")
    seconds = time.perf_counter() - start
    values = {row.name: row.label_value for row in anatomy.stations()}
    found = {name for name, value in values.items() if (stations == value).any()}
    there = {name for name, value in values.items() if (truth == value).any()}
    scores = {name: dice(truth == values[name], stations == values[name]) for name in sorted(found | there)}
    volume = float(lungs.sum()) * phantom.grid.voxel_volume_ml
    return Result(volume, dice(lungs, true_lungs), scores, sorted(found), seconds)


def cached(seed: int, name: str, given: Organs, cache: Path | None) -> Result:
    """A patient's result, computed once where a cache is kept."""
    file = cache / f"{given}-{seed}-{name.replace(' ', '_').replace(',', '')}.json" if cache else None
    if file and file.exists():
        return Result(**json.loads(file.read_text(encoding="utf-8")))
    row = ROWS[name]
    phantom = thorax(
        seed, spacing_mm=SPACING_MM, with_pet=False, organs=given, scan_traits=row.traits,
        field_of_view="wide", extent=row.extent,
    )  # fmt: skip
    result = measure(phantom)
    if file:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(asdict(result)), encoding="utf-8")
    return result


def table(results: dict[str, list[Result]]) -> list[str]:
    """Markdown rows: means over patients, and the worst station count."""
    lines = [
        "| scan | lungs / plain | lung Dice | station Dice | difference | stations (fewest) | failed | seconds |",
        "| --- " * 8 + "|",
    ]
    plain = results[BASELINE]
    for name, found in results.items():
        ratio = np.mean([r.lung_ml / p.lung_ml if p.lung_ml else np.nan for r, p in zip(found, plain, strict=True)])
        score, before = (np.mean([r.mean_station_dice for r in rows]) for rows in (found, plain))
        lines.append(
            f"| {name} | {ratio:.3f} | {np.mean([r.lung_dice for r in found]):.3f} | {score:.3f} | "
            f"{score - before:+.3f} | {np.mean([len(r.stations) for r in found]):.1f} "
            f"({min(len(r.stations) for r in found)}) | {sum(r.failed is not None for r in found)} | "
            f"{np.mean([r.seconds for r in found]):.0f} |"
        )
    return lines


def report(results: dict[str, list[Result]], seeds: Sequence[int], given: Organs) -> str:
    """The table with a sentence on how it came about."""
    x, y, z = SPACING_MM
    head = (
        f"{len(seeds)} synthetic patients (`thorax(seed)`, wide field of view), seeds {', '.join(map(str, seeds))}; "
        f"CT {x} x {y} x {z} mm, organ masks given: {given}; working grid {Settings().working_spacing_mm} mm. Means "
        "over patients; a station that only truth or parser has counts as Dice 0; lungs are compared by volume with "
        "those found in the plain scan; failed are refusals and defects; seconds are those of organs and stations."
    )
    return "\n".join([head, "", *table(results)]) + "\n"


def main() -> None:
    """Run the rows, patient by patient."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--patients", type=int, default=3)
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument(
        "--rows", nargs="+", choices=tuple(ROWS), default=list(ROWS), help="the plain row always runs"
    )
    parser.add_argument("--given", choices=("none", "key", "all"), default="none", help="organ masks of the case")
    parser.add_argument("--cache", type=Path, help="folder of one JSON file for each patient and row, to go on later")
    options = parser.parse_args()
    seeds = range(options.first_seed, options.first_seed + options.patients)
    names = [name for name in ROWS if name == BASELINE or name in options.rows]
    results: dict[str, list[Result]] = {name: [] for name in names}
    for seed in seeds:
        for name in names:
            result = cached(seed, name, options.given, options.cache)
            results[name].append(result)
            print(
                f"seed {seed}, {name}: lungs {result.lung_ml:.0f} ml, Dice {result.lung_dice:.3f}, "
                f"{len(result.stations)} stations, Dice {result.mean_station_dice:.3f}, {result.seconds:.0f} s"
                + (f" ({result.failed})" if result.failed else ""),
                file=sys.stderr,
                flush=True,
            )
    print(report(results, seeds, options.given))


if __name__ == "__main__":
    main()
