"""What a network that judges nodes must beat: logistic regression on few numbers, on the same nodes and folds.

    python -m Testing.Benchmarks.node_baselines PREPARED --folds 0,1

PREPARED is a folder of ``train prepare --task node_classification``. Each fold is fitted on its training part and
tested on its test part, as networks are. With ``--package FILE`` a package judges all labeled nodes of PREPARED
instead, which must be of patients that it has not seen.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch.utils.data import DataLoader

from lnstation_training.evaluation.discrimination import NODE_METRICS, estimates
from lnstation_training.tasks.node_classification.data_module import NodeDataModule
from lnstation_training.tasks.node_classification.dataset import NodeDataset
from lnstation_training.tasks.node_classification.samples import read_node_geometry, read_samples
from LNStationLib.models.package import read_package

ZOOMED = 1
"""Channel of a patch whose box goes around the node."""
SHELLS = {"center": (0.0, 0.5), "rim": (0.6, 1.0), "surroundings": (1.2, 1.6)}
"""Where attenuation is read, in radii of a ball of the node's short axis."""
FEATURES = ("short axis", *(f"{part}, {what}" for part in SHELLS for what in ("mean", "SD")))
MODELS: Mapping[str, slice] = {"short axis": slice(0, 1), "attenuation": slice(1, None), "both": slice(0, None)}
RESAMPLES, BATCH = 1000, 64


def radii(shape: tuple[int, ...]) -> np.ndarray:
    """Distance from the middle of a patch whose edges are at -1 and 1."""
    axes = [(np.arange(count) + 0.5) / count * 2 - 1 for count in shape]
    return np.sqrt(sum(axis**2 for axis in np.meshgrid(*axes, indexing="ij")))


def node_radius(short_axis_mm: float, margin_mm: float) -> float:
    """Of a ball of the short axis there: the zoomed box is the node with the margin on each side."""
    return short_axis_mm / (short_axis_mm + 2 * margin_mm)


def features(dataset: NodeDataset, margin_mm: float) -> np.ndarray:
    """Of every node the numbers of ``FEATURES``; attenuation as scaled in the patch. ``[n, len(FEATURES)]``."""
    rows = []
    for number, sample in enumerate(dataset.samples):
        zoomed = dataset[number]["patch"][ZOOMED].numpy()
        radius, node = radii(zoomed.shape), node_radius(sample.short_axis_mm, margin_mm)
        shells = [zoomed[(radius >= low * node) & (radius <= high * node)] for low, high in SHELLS.values()]
        rows.append([sample.short_axis_mm, *(float(f(shell)) for shell in shells for f in (np.mean, np.std))])
    return np.array(rows)


def measure(folder: Path, folds: Sequence[int]) -> list[str]:
    """A line for every model: its AUC over the test nodes of all folds, with its interval by patient."""
    margin = read_node_geometry(folder).margin_mm
    labels, patients, scores = [], [], {name: [] for name in MODELS}
    for fold in folds:
        data = NodeDataModule(folder, fold)
        data.setup()
        train, test = data.datasets["train"], data.datasets["test"]
        known, unseen = features(train, margin), features(test, margin)
        for name, part in MODELS.items():
            model = make_pipeline(StandardScaler(), LogisticRegression()).fit(known[:, part], train.labels)
            scores[name] += model.decision_function(unseen[:, part]).tolist()
        labels += test.labels
        patients += [sample.patient for sample in test.samples]
    wanted = {"auc": NODE_METRICS["auc"]}
    lines = [f"{len(set(patients))} patients, {len(labels)} nodes, {sum(labels)} metastatic"]
    for name, values in scores.items():
        found = estimates(np.array(labels), np.array(values), np.array(patients, object), RESAMPLES, metrics=wanted)
        auc = found["auc"]
        lines.append(f"{name}: AUC {auc.value:.3f} ({auc.low:.3f} to {auc.high:.3f})")
    return lines


def of_package(folder: Path, path: Path) -> list[str]:
    """Lines with the AUC of a package and of the short axis over all labeled nodes of a folder."""
    samples = [each for each in read_samples(folder) if each.label is not None]
    network, dataset = read_package(path).network().eval(), NodeDataset(folder, samples)
    with torch.inference_mode():
        logits = torch.cat([network(batch["patch"]).logits for batch in DataLoader(dataset, BATCH)]).numpy()
    labels, patients = np.array(dataset.labels), np.array([each.patient for each in samples], object)
    sizes = np.array([each.short_axis_mm for each in samples])
    lines = [f"{len(set(patients))} patients, {len(labels)} nodes, {labels.sum()} metastatic"]
    for name, scores in ((path.stem, logits), ("short axis", sizes)):
        auc = estimates(labels, scores, patients, RESAMPLES, metrics={"auc": NODE_METRICS["auc"]})["auc"]
        lines.append(f"{name}: AUC {auc.value:.3f} ({auc.low:.3f} to {auc.high:.3f})")
    return lines


def main() -> None:
    """Print the lines."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("prepared", type=Path)
    parser.add_argument("--folds", default="0", help="With commas.")
    parser.add_argument("--package", type=Path)
    given = parser.parse_args()
    if given.package is not None:
        print("\n".join(of_package(given.prepared, given.package)))
    else:
        print("\n".join(measure(given.prepared, [int(each) for each in given.folds.split(",")])))


if __name__ == "__main__":
    main()
