"""How often the quality check speaks up about patients that are right: synthetic ones, with and without masks.

    python Testing/Benchmarks/quality.py --patients 2 --out docs/quality.md [--real ../shared/data/chest_ct_01]

Every patient is parsed with all true organ masks and with none. Prints a Markdown table of what was doubtful or left
out, and the processor time of the check; `--out` also puts it into the page, between its marks.
"""

from __future__ import annotations

import argparse
import re
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from LNStationLib.case.case import Case  # noqa: E402  (the source tree is put on the path above)
from LNStationLib.case.from_files import CaseRequest, load_case  # noqa: E402
from LNStationLib.imaging.grid import field_of_view, working_grid  # noqa: E402
from LNStationLib.imaging.scan import hu_on_grid, scan_of  # noqa: E402
from LNStationLib.organs.find import find_organs  # noqa: E402
from LNStationLib.phantom.case import render  # noqa: E402
from LNStationLib.phantom.patient import compact, draw_patient  # noqa: E402
from LNStationLib.phantom.preset import PRESET_NAMES, load_preset  # noqa: E402
from LNStationLib.quality import check_organs, check_stations  # noqa: E402
from LNStationLib.quality.doubts import Doubt  # noqa: E402
from LNStationLib.quality.words import measured, titles  # noqa: E402
from LNStationLib.state.settings import Settings  # noqa: E402
from LNStationLib.stations.iaslc_rules import IaslcRules  # noqa: E402
from LNStationLib.support.progress import silent  # noqa: E402

PIXEL_MM = 1.5
BEGIN = "<!-- below: written by Testing/Benchmarks/quality.py -->"
END = "<!-- end of what Testing/Benchmarks/quality.py wrote -->"


@dataclass(frozen=True)
class Checked:
    """One patient's check.

    Attributes:
        group: Row of the table.
        doubts: What was found.
        organs: Number of organs that were tested.
        stations: Number of stations that were parsed.
        cpu_s: Processor time of the check.
    """

    group: str
    doubts: tuple[Doubt, ...]
    organs: int
    stations: int
    cpu_s: float


def check(group: str, case: Case) -> Checked:
    """Find organs and stations and hold them against the rules."""
    settings = Settings()
    grid = working_grid(case.ct, settings.working_spacing_mm)
    organs = find_organs(case, scan_of(case.ct, grid))
    hu, in_view = hu_on_grid(case.ct, grid), field_of_view(case.ct, grid)
    start = time.process_time()
    plausible, of_organs = check_organs(organs, in_view)
    spent = time.process_time() - start
    parsed = IaslcRules().parse(hu, plausible, silent)
    start = time.process_time()
    _, of_stations = check_stations(parsed, plausible, hu)
    spent += time.process_time() - start
    stations = len({int(value) for value in set(parsed.labels.ravel().tolist())} - {0})
    return Checked(group, of_organs + of_stations, len(organs), stations, spent)


def without_masks(case: Case) -> Case:
    """The same case with its CT alone."""
    return replace(case, organ_masks={}, organ_origins={})


def cases(patients: int, real: Path | None) -> Iterator[tuple[str, Case]]:
    """Row of the table and case."""
    for preset in PRESET_NAMES:
        for number in range(1, patients + 1):
            plan = replace(compact(draw_patient(load_preset(preset), seed=1, number=number), PIXEL_MM), has_pet=False)
            case = render(plan, organs="all").case
            yield f"{preset} preset, all masks", case
            yield f"{preset} preset, no masks", without_masks(case)
    if real is not None:
        case = load_case(CaseRequest(ct=real / "ct.nii.gz", organs=real / "organs"))
        yield f"{real.name}, with its masks", case
        yield f"{real.name}, no masks", without_masks(case)


def report(rows: list[Checked]) -> str:
    """The table, and every doubt below it."""
    lines = ["| patients | n | organs | stations | doubtful | left out | longest check, CPU s |", "| --- " * 7 + "|"]
    for group in dict.fromkeys(row.group for row in rows):
        those = [row for row in rows if row.group == group]
        kinds = Counter(doubt.severity for row in those for doubt in row.doubts)
        numbers = [len(those), sum(row.organs for row in those), sum(row.stations for row in those)]
        numbers += [kinds["doubtful"], kinds["leave_out"]]
        lines.append(f"| {group} | {' | '.join(map(str, numbers))} | {max(row.cpu_s for row in those):.2f} |")
    found = [(row.group, doubt) for row in rows for doubt in row.doubts]
    lines += ["", *(f"- {group}: {doubt.severity.replace('_', ' ')}: {_named(doubt)}" for group, doubt in found)]
    return "\n".join(lines).rstrip() + "\n"


def _named(doubt: Doubt) -> str:
    return f"{titles(doubt.names)}: {measured(doubt.facts)}"


def main() -> None:
    """Run the patients one after the other."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--patients", type=int, default=2, help="of each preset")
    parser.add_argument("--real", type=Path, help="folder with ct.nii.gz and organs")
    parser.add_argument("--out", type=Path, help="page to write into")
    chosen = parser.parse_args()
    rows = []
    for group, case in cases(chosen.patients, chosen.real):
        rows.append(check(group, case))
        print(f"{group}: {len(rows[-1].doubts)} doubts", file=sys.stderr, flush=True)
    text = report(rows)
    print(text)
    if chosen.out:
        page = chosen.out.read_text(encoding="utf-8")
        pattern = re.compile(re.escape(BEGIN) + ".*?" + re.escape(END), re.DOTALL)
        if not pattern.search(page):
            parser.error(f"{chosen.out} has no lines {BEGIN!r} and {END!r}")
        command = f"`python Testing/Benchmarks/quality.py --patients {chosen.patients}`"
        body = f"{BEGIN}\n\nBy {command}; seed 1, pixels of {PIXEL_MM} mm.\n\n{text}\n{END}"
        chosen.out.write_text(pattern.sub(lambda _: body, page), encoding="utf-8")


if __name__ == "__main__":
    main()
