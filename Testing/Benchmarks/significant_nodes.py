"""What a cohort with PET holds, and what the product's classical detectors find of its significant nodes.

    python -m Testing.Benchmarks.significant_nodes VOLUMES --methods "PET threshold" "blob detector" --out FILE.json

VOLUMES is a folder of ``train cohort --for nodes --with-pet``. Nothing is trained, so that every patient counts.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from torch.utils.data import DataLoader

from lnstation_training.segmentation.dataset import VolumeDataset
from lnstation_training.segmentation.folder import existing_samples, spacing_of
from lnstation_training.tasks.node_detection.baselines import BASELINES, baseline_hits
from lnstation_training.tasks.node_detection.data_module import NodeVolumes
from lnstation_training.tasks.node_detection.evaluation import fusion_figures, zone_title

RESAMPLES = 1000


class _Everyone(NodeVolumes):
    """All patients of a folder, some of them at most, as one part."""

    most = 0

    def loader(self, part: str) -> DataLoader[dict[str, Any]]:
        samples = existing_samples(self.folder)
        whole: VolumeDataset = self._whole(samples[: self.most or len(samples)])
        return DataLoader(whole, 1)


def measure(volumes: Path, methods: Sequence[str], most: int) -> dict[str, Any]:
    """Counts of the cohort, and the figures of each method.

    Args:
        volumes: Folder of prepared volumes.
        methods: Of ``BASELINES``.
        most: Patients at most; 0 for all.
    """
    data = _Everyone(volumes)
    data.most = most
    hits = baseline_hits(data, "test", spacing_of(volumes), methods)
    nodes = [node for patient in hits[methods[0]] for node in patient.nodes]
    return {
        "patients": len(hits[methods[0]]),
        "significant_nodes": len(nodes),
        "near": sum(zone_title(node) == "near" for node in nodes),
        "methods": [fusion_figures(name, found, RESAMPLES).model_dump() for name, found in hits.items()],
    }


def main() -> None:
    """Print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("volumes", type=Path)
    parser.add_argument("--methods", nargs="+", default=list(BASELINES), choices=list(BASELINES))
    parser.add_argument("--patients", type=int, default=0, help="At most so many; all by default.")
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    text = json.dumps(measure(given.volumes, given.methods, given.patients), indent=1)
    print(text)
    if given.out is not None:
        given.out.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
