"""Workers from a queue, by configuration: what the file may say, and what is missing."""

from __future__ import annotations

import sys
import types
from pathlib import Path
from typing import Any

import pytest

from LNStationLib.batch import cluster
from LNStationLib.batch.cluster import Workers, connected
from LNStationLib.batch.cluster_file import QUEUES, read_cluster_file
from LNStationLib.support.errors import InputError

SLURM = 'kind: slurm\njobs: 3\noptions:\n  queue: short\n  cores: 2\n  memory: 8GB\n  walltime: "01:00:00"\n'


def written(folder: Path, text: str) -> Path:
    path = folder / "cluster.yaml"
    path.write_text(text)
    return path


def test_a_file_says_queue_jobs_and_options(tmp_path: Path) -> None:
    read = read_cluster_file(written(tmp_path, SLURM))
    assert (read.kind, read.jobs) == ("slurm", 3)
    assert read.options == {"queue": "short", "cores": 2, "memory": "8GB", "walltime": "01:00:00"}


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("kind: cloud", "kind: input should be"),
        ("kind: slurm\nnodes: 3", "nodes: extra inputs"),
        ("kind: slurm\nminimum: 5\nmaximum: 2", "minimum is larger than maximum"),
        ("kind: [", "cannot be read as YAML"),
        ("!!python/object/apply:os.system ['true']", "cannot be read as YAML"),
        ("", "content"),
    ],
)
def test_a_faulty_file_is_said_in_one_sentence(tmp_path: Path, text: str, fault: str) -> None:
    with pytest.raises(InputError, match=fault):
        read_cluster_file(written(tmp_path, text))


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No such file"):
        read_cluster_file(tmp_path / "none.yaml")


def test_a_queue_whose_package_is_missing_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "dask_jobqueue", None)
    workers = Workers(queue=written(tmp_path, SLURM))
    with (
        pytest.raises(InputError, match="run python -m pip install dask-jobqueue"),
        connected(workers, lambda words: None),
    ):
        pass


@pytest.mark.parametrize(
    ("more", "asked"), [("", {"scaled": {"jobs": 3}}), ("maximum: 9\n", {"adapted": {"minimum": 0, "maximum": 9}})]
)
def test_options_go_to_the_queue_as_they_stand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, more: str, asked: dict[str, Any]
) -> None:
    seen: dict[str, Any] = {}

    class SLURMCluster:
        def __init__(self, **options: Any) -> None:
            seen["options"] = options

        def scale(self, **how: int) -> None:
            seen["scaled"] = how

        def adapt(self, **how: int) -> None:
            seen["adapted"] = how

    monkeypatch.setitem(sys.modules, "dask_jobqueue", types.SimpleNamespace(SLURMCluster=SLURMCluster))
    cluster._queued(read_cluster_file(written(tmp_path, SLURM + more)))
    options = seen.pop("options")
    assert seen == asked
    assert options.items() >= {"queue": "short", "cores": 2, "memory": "8GB", "walltime": "01:00:00"}.items()
    assert options["worker_extra_args"] == ["--nthreads", "1"]
    assert "export OMP_NUM_THREADS=2" in options["job_script_prologue"]


def test_an_option_that_a_queue_does_not_know_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(**options: Any) -> None:
        raise TypeError("got an unexpected keyword argument 'queue'")

    monkeypatch.setitem(sys.modules, "dask_jobqueue", types.SimpleNamespace(SLURMCluster=refused))
    with pytest.raises(InputError, match="the queue slurm cannot be used: got an unexpected keyword"):
        cluster._queued(read_cluster_file(written(tmp_path, SLURM)))


def test_every_kind_of_queue_has_its_class() -> None:
    assert set(QUEUES) == {"slurm", "pbs", "sge", "lsf", "htcondor", "oar", "kubernetes"}


@pytest.mark.parametrize(("losses", "comes_up"), [(2, True), (3, False)])
def test_a_worker_that_is_killed_while_it_starts_is_started_anew_but_not_for_ever(
    losses: int, comes_up: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost = iter([RuntimeError("Nanny failed to start.")] * losses)
    started = object()

    def start(workers: Workers) -> object:
        for error in lost:
            raise error
        return started

    monkeypatch.setattr(cluster, "_started", start)
    if comes_up:
        assert cluster._local(Workers()) is started
    else:
        with pytest.raises(InputError, match=r"ended while it was started, 3 times in a row"):
            cluster._local(Workers())
