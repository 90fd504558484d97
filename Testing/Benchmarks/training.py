"""How fast training goes on this computer: regions read, changed at random, and trained on, per second.

    python Testing/Benchmarks/training.py --data PREPARED --write    # the table of docs/benchmarks.md

PREPARED is what ``train prepare`` made for the setting. Each row of the experiment takes a few steps on the CPU.
"""

from __future__ import annotations

import argparse
import itertools
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "Training"), str(ROOT / "Testing" / "Benchmarks")]

import torch  # noqa: E402  (the source tree is put on the path above)
from benchmark_page import write_section  # noqa: E402

from lnstation_training.engine.experiment import Experiment, plan  # noqa: E402
from lnstation_training.tasks import task_named  # noqa: E402
from lnstation_training.tasks.station_classification.data_module import StationDataModule  # noqa: E402
from lnstation_training.tasks.station_classification.lightning_module import StationModule  # noqa: E402

SA_MOE = ROOT / "Training" / "experiments" / "sa_moe"
ROWS = ("stem", "backbone", "attention", "sa_moe", "attention_sa_moe")


@dataclass(frozen=True)
class Pace:
    """How fast something went.

    Attributes:
        what: In words.
        samples: Regions that were taken.
        seconds: By the clock.
        cpu_s: The processor's own, over all threads.
    """

    what: str
    samples: int
    seconds: float
    cpu_s: float

    def line(self) -> str:
        """A row of the table."""
        per_second, cpu_ms = self.samples / self.seconds, 1000 * self.cpu_s / self.samples
        return f"| {self.what} | {self.samples} | {per_second:.0f} | {cpu_ms:.1f} |"


def paced(what: str, batches: Iterator[Any], use: Callable[[Any], None]) -> Pace:
    """Time the use of batches; the first is not counted."""
    use(next(batches))
    samples, start, used = 0, time.perf_counter(), time.process_time()
    for batch in batches:
        use(batch)
        samples += len(batch["label"])
    return Pace(what, samples, time.perf_counter() - start, time.process_time() - used)


def trained(config: dict[str, Any]) -> Callable[[Any], None]:
    """A training step of a row."""
    task = StationModule(**config["model"])
    task.log = lambda *arguments, **options: None  # type: ignore[method-assign]
    optimizer = torch.optim.AdamW(task.parameters(), lr=task.learning_rate, weight_decay=task.weight_decay)

    def step(batch: Any) -> None:
        optimizer.zero_grad()
        task.losses(batch)[1].total.backward()
        optimizer.step()

    return step


def measure(data: Path, setting: str, rows: list[str], n_batches: int) -> list[Pace]:
    """Loading with and without augmentation, then a few steps of every row."""
    wanted = Experiment(task_named(), SA_MOE, setting, data, Path(), Path(), rows, folds=[0])
    jobs = {job.row: job for job in plan(wanted)}
    found = []
    for words, augment in (("regions read", False), ("regions read and changed at random", True)):
        module = StationDataModule(data, **{**jobs[rows[0]].config["data"], "augment": augment})
        module.setup()
        batches = itertools.islice(iter(module.train_dataloader()), n_batches)
        found.append(paced(words, batches, lambda batch: None))
    for row in rows:
        kept = list(itertools.islice(iter(module.train_dataloader()), min(n_batches, 8)))
        found.append(paced(f"training steps, row `{row}`", iter(kept), trained(dict(jobs[row].config))))
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of train prepare")
    parser.add_argument("--setting", default="reduced")
    parser.add_argument("--rows", nargs="*", default=list(ROWS))
    parser.add_argument("--batches", type=int, default=40, help="at most; of training steps 8")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--write", action="store_true", help="write the table into docs/benchmarks.md")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    found = measure(options.data, options.setting, options.rows, options.batches)
    head = "| what | regions | a second, by the clock | processor ms a region |\n| --- | --- | --- | --- |"
    threads = "1 thread" if options.threads == 1 else f"{options.threads} threads"
    text = f"Setting `{options.setting}`, {threads}.\n\n{head}\n" + "\n".join(pace.line() for pace in found)
    print(text)
    if options.write:
        write_section("training", text)


if __name__ == "__main__":
    main()
