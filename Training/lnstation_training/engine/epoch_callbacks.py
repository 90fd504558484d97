"""After every epoch: a row of the table of metrics, and a line of progress."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import lightning
from lightning.pytorch.callbacks import Callback

from lnstation_training.engine.values import Monitor
from LNStationLib.support.atomic_files import atomic_file


class EpochLog(Callback):
    """A CSV table with a row an epoch, training and validation side by side.

    Lightning's own CSV logger starts over when a run is resumed; this one continues.

    Args:
        path: The table; its folder is made.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def on_train_epoch_end(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        """Write the table with this epoch's row; rows of this and later epochs, from before a kill, give way."""
        if not trainer.is_global_zero:
            return
        row = {"epoch": str(trainer.current_epoch), "step": str(trainer.global_step)}
        row |= {name: f"{float(value):.6g}" for name, value in sorted(trainer.callback_metrics.items())}
        rows = [each for each in self.rows() if int(each["epoch"]) < trainer.current_epoch] + [row]
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_file(self.path) as unfinished, unfinished.open("w", newline="", encoding="utf-8") as file:
            # Some metrics exist only in some epochs.
            columns = list(dict.fromkeys(name for each in rows for name in each))
            writer = csv.DictWriter(file, columns, restval="", lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)

    def rows(self) -> list[dict[str, str]]:
        """The table as it stands; empty before the first epoch."""
        if not self.path.exists():
            return []
        with self.path.open(newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))


def read_history(path: Path) -> list[dict[str, float]]:
    """What ``EpochLog`` has written, a mapping an epoch; empty cells are left out."""
    rows = EpochLog(path).rows()
    return [{name: float(cell) for name, cell in row.items() if cell} for row in rows]


class EpochProgress(Callback):
    """Reports every epoch to a progress function.

    Args:
        report: Told a line and the fraction done.
        monitor: The metric to tell beside the loss.
    """

    def __init__(self, report: Callable[[str, float], None], monitor: Monitor) -> None:
        self.report = report
        self.monitor = monitor

    def on_train_epoch_end(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        """Tell epoch, loss and the monitored metric."""
        done, whole = trainer.current_epoch + 1, trainer.max_epochs or 1
        figures = trainer.callback_metrics
        words = [f"epoch {done} of {whole}"]
        for name, key in (("loss", "train_loss"), (self.monitor.title, self.monitor.metric)):
            if key in figures:
                words.append(f"{name} {float(figures[key]):.3f}")
        self.report(", ".join(words), done / whole)
