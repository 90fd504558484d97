"""What networks cost on this computer: parameters, multiply-adds, seconds and memory; and engines beside plain torch.

    python Testing/Benchmarks/networks.py --write            # the tables of docs/benchmarks.md
    python Testing/Benchmarks/networks.py --only mobilevitv2_sa_moe --stations 17

Every network runs in a process of its own, all stations of a case in one batched pass as the pipeline does it
(inference mode, attention included), on random regions of 96 x 96 x 32 voxels. Peak memory is that of the process.
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
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "Testing" / "Benchmarks")]

from benchmark_page import write_section  # noqa: E402  (the source tree is put on the path above)

STATIONS = 12
ENGINES = ("torch", "torch bfloat16", "torch channels last", "openvino")
_TABLE_1 = (
    "resnet18",
    "resnet50",
    "mobilenetv2",
    "vit_t",
    "swin_t",
    "mobilevitv2",
    "mobilevitv2_m4oe",
    "mobilevitv2_vmoe",
    "mobilevitv2_sa_moe",
)


@dataclass(frozen=True)
class Measured:
    """One network on one engine.

    Attributes:
        best_s: Of one pass of all stations, by the clock.
        cpu_s: Processor seconds of the pass that took fewest; on a busy computer the fairer number.
        peak_gb: Of the process.
        difference: Largest difference of a probability from plain torch in single precision.
    """

    name: str
    engine: str
    stations: int
    parameters: int
    multiply_adds: int
    best_s: float
    cpu_s: float
    peak_gb: float
    difference: float


def measure(name: str, engine: str, stations: int, repeats: int, threads: int) -> Measured:
    """Run one network in this process."""
    import torch

    from LNStationLib.networks.cost import REGION, network_cost
    from LNStationLib.networks.fusing import fused
    from LNStationLib.networks.registry import build_network

    torch.set_num_threads(threads)
    torch.manual_seed(0)
    network = fused(build_network(name).eval())
    batch = torch.rand(stations, 2, *REGION) * 2 - 1
    cost = network_cost(build_network(name))
    with torch.inference_mode():
        expected = network(batch, with_attention=True).logits.sigmoid() if engine != "torch" else None
        run = _engine(engine, network, batch)
        times, processor = [], []
        for _ in range(repeats):
            start, used = time.perf_counter(), time.process_time()
            logits = run()
            times.append(time.perf_counter() - start)
            processor.append(time.process_time() - used)
    difference = 0.0 if expected is None else float((logits.float().sigmoid() - expected).abs().max())
    peak_gb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    return Measured(
        name,
        engine,
        stations,
        cost.parameters,
        cost.multiply_adds,
        min(times),
        min(processor),
        peak_gb,
        difference,
    )


def _engine(engine: str, network: Any, batch: Any) -> Any:
    """A callable that gives the logits of ``batch``."""
    import torch

    from LNStationLib.networks.cost import REGION

    if engine == "torch":
        return lambda: network(batch, with_attention=True).logits
    if engine == "torch channels last":
        last = batch.to(memory_format=torch.channels_last_3d)
        moved = network.to(memory_format=torch.channels_last_3d)
        return lambda: moved(last, with_attention=True).logits
    if engine == "torch bfloat16":

        def half() -> Any:
            with torch.autocast("cpu", torch.bfloat16):
                return network(batch, with_attention=True).logits

        return half
    from LNStationLib.models.runtime.openvino_engine import CompiledNetwork

    z, y, x = REGION
    with_attention = {"with_attention": True}
    compiled = CompiledNetwork(network, (z, y, x), batch.shape[1], torch.get_num_threads(), with_attention)
    return lambda: compiled(batch).logits


def in_own_process(name: str, engine: str, options: argparse.Namespace) -> Measured | None:
    """Measure in a fresh process; ``None`` where the engine is not there or fails."""
    command = [sys.executable, __file__, "--child", name, engine, "--stations", str(options.stations)]
    command += ["--repeats", str(options.repeats), "--threads", str(options.threads)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        print(f"{name} on {engine}: {done.stderr.strip().splitlines()[-1:]}", file=sys.stderr)
        return None
    print(done.stdout.splitlines()[-1], file=sys.stderr, flush=True)
    return Measured(**json.loads(done.stdout.splitlines()[-1]))


def table(rows: list[Measured]) -> str:
    """Markdown."""
    lines = [
        "| network | engine | parameters (M) | multiply-adds (G) | best s | processor s | peak memory (GB) | largest "
        "difference of a probability |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for row in rows:
        difference = "" if row.engine == "torch" else f"{row.difference:.1e}"
        lines.append(
            f"| {row.name} | {row.engine} | {row.parameters / 1e6:.2f} | {row.multiply_adds / 1e9:.2f} | "
            f"{row.best_s:.2f} | {row.cpu_s:.2f} | {row.peak_gb:.2f} | {difference} |"
        )
    return "\n".join(lines)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="*", default=list(_TABLE_1), help="networks; those of the paper's Table 1")
    parser.add_argument("--engines", nargs="*", default=["torch"], choices=ENGINES)
    parser.add_argument("--stations", type=int, default=STATIONS)
    parser.add_argument("--repeats", type=int, default=3, help="passes; the first is slower")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--write", action="store_true", help="write the table into docs/benchmarks.md")
    parser.add_argument("--child", nargs=2, metavar=("NETWORK", "ENGINE"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(asdict(measure(*options.child, options.stations, options.repeats, options.threads))))
        return
    found = [in_own_process(name, engine, options) for name in options.only for engine in options.engines]
    rows = [row for row in found if row is not None]
    text = f"{options.stations} stations of 96 x 96 x 32 voxels, {options.threads} threads.\n\n{table(rows)}"
    print(text)
    if options.write:
        write_section("networks", text)


if __name__ == "__main__":
    main()
