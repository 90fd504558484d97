"""What a case's stations and nodes cost by the shipped packages: seconds and memory, each engine.

    python Testing/Benchmarks/packages.py --write            # the table of docs/benchmarks.md

Loading is reading and verifying the package and, for OpenVINO, compiling it; both are done once in a session. Samples
hold noise, on which a pass takes as long as on tissue. Every row is a process of its own.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "Testing" / "Benchmarks")]

from benchmark_page import write_section  # noqa: E402  (the source tree is put on the path above)

MODELS = ROOT / "Resources" / "Models"
SAMPLES = {"esophagus-ct": (12, "stations"), "metastasis-ct": (30, "nodes")}
ENGINES = ("torch", "openvino")


@dataclass(frozen=True)
class Measured:
    """One package on one engine.

    Attributes:
        load_s: Until the first sample can be asked.
        best_s: Of one pass of all samples, by the clock.
        cpu_s: Processor seconds of the pass that took fewest.
        peak_gb: Of the process.
    """

    package: str
    engine: str
    load_s: float
    best_s: float
    cpu_s: float
    peak_gb: float


def measure(name: str, engine: str, repeats: int) -> Measured:
    """Run one package in this process."""
    import numpy as np

    from LNStationLib.models.package import read_package
    from LNStationLib.models.runtime.runner import NetworkRunner

    start = time.perf_counter()
    package = read_package(MODELS / f"{name}.zip")
    section = package.manifest.section
    role = section.roles[0]
    runner = NetworkRunner(package, role, "cpu", engine)  # type: ignore[arg-type]  # the parser knows them
    load_s = time.perf_counter() - start
    wanted = section.network_input(role)
    shape = (SAMPLES[name][0], len(wanted.channels), *(wanted.size or ()))
    samples = np.random.default_rng(0).uniform(-1, 1, shape).astype(np.float32)
    times, processor = [], []
    for _ in range(repeats):
        start, used = time.perf_counter(), time.process_time()
        runner.predict(samples)
        times.append(time.perf_counter() - start)
        processor.append(time.process_time() - used)
    peak_gb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    return Measured(name, engine, load_s, min(times), min(processor), peak_gb)


def in_own_process(name: str, engine: str, repeats: int) -> Measured:
    """Measure in a fresh process."""
    command = [sys.executable, __file__, "--child", name, engine, "--repeats", str(repeats)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return Measured(**json.loads(done.stdout.splitlines()[-1]))


def table(rows: list[Measured]) -> str:
    """Markdown."""
    lines = [
        "| package | samples | engine | loading s | best s | processor s | peak memory (GB) |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for row in rows:
        count, what = SAMPLES[row.package]
        lines.append(
            f"| `{row.package}` | {count} {what} | {row.engine} | {row.load_s:.1f} | {row.best_s:.2f} | "
            f"{row.cpu_s:.2f} | {row.peak_gb:.2f} |"
        )
    return "\n".join(lines)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=3, help="passes; the first is slower")
    parser.add_argument("--write", action="store_true", help="write the table into docs/benchmarks.md")
    parser.add_argument("--child", nargs=2, metavar=("PACKAGE", "ENGINE"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(asdict(measure(*options.child, options.repeats))))
        return
    text = table([in_own_process(name, engine, options.repeats) for name in SAMPLES for engine in ENGINES])
    print(text)
    if options.write:
        write_section("packages", text)


if __name__ == "__main__":
    main()
