"""The file that says how to get workers from a cluster's queue: configuration, not code.

.. code-block:: yaml

    kind: slurm
    jobs: 20
    options:            # as dask-jobqueue's SLURMCluster takes them
      queue: short
      cores: 4
      processes: 1
      memory: 16GB
      walltime: "04:00:00"
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from LNStationLib.support.errors import InputError


@dataclass(frozen=True)
class Queue:
    """A class of another package that gets workers from a queue.

    Attributes:
        package: To be installed.
        module: Of the class.
        name: Of the class.
        scaled_by: What ``scale`` counts.
    """

    package: str
    module: str
    name: str
    scaled_by: str = "jobs"


Kind = Literal["slurm", "pbs", "sge", "lsf", "htcondor", "oar", "kubernetes"]
QUEUES: dict[str, Queue] = {
    **{
        kind: Queue("dask-jobqueue", "dask_jobqueue", name)
        for kind, name in (
            ("slurm", "SLURMCluster"), ("pbs", "PBSCluster"), ("sge", "SGECluster"), ("lsf", "LSFCluster"),
            ("htcondor", "HTCondorCluster"), ("oar", "OARCluster"),
        )
    },
    "kubernetes": Queue("dask-kubernetes", "dask_kubernetes.operator", "KubeCluster", "n"),
}  # fmt: skip


class ClusterFile(BaseModel):
    """How to get workers from a queue.

    Attributes:
        kind: Which queue.
        jobs: How many jobs, or pods, to ask for.
        minimum: With ``maximum``: as many as there is work for.
        maximum: At most so many.
        options: Of the class in dask-jobqueue or dask-kubernetes, as its documentation lists them.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Kind = "slurm"
    jobs: int = Field(1, ge=1)
    minimum: int = Field(0, ge=0)
    maximum: int | None = Field(None, ge=1)
    options: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _in_order(self) -> ClusterFile:
        if self.maximum is not None and self.minimum > self.maximum:
            raise ValueError("minimum is larger than maximum")
        return self


def read_cluster_file(path: Path) -> ClusterFile:
    """Read and check a configuration file.

    Raises:
        InputError: It is missing, no YAML, or says something unknown.
    """
    import yaml

    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        reason = error.strerror if isinstance(error, OSError) else type(error).__name__
        raise InputError(
            f"{path} cannot be read as YAML ({reason}): give a file as docs/batch.md shows it."
        ) from error
    try:
        return ClusterFile.model_validate(content)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"])) or "content"
        raise InputError(f"{path}, {where}: {first['msg'].lower()}; docs/batch.md shows such a file.") from error
