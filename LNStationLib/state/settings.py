"""Everything a user may choose about an assessment; saved with every result."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Engine = Literal["auto", "torch", "openvino"]


class Settings(BaseModel):
    """Choices for one assessment. Defaults are the papers' values where a paper gives one."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    working_spacing_mm: float = Field(1.5, gt=0, le=4, description="Voxel edge of the grid for organs and stations.")
    organs: Literal["supplied_and_image", "totalsegmentator"] = "supplied_and_image"
    stations: Literal["iaslc_rules"] = "iaslc_rules"
    nodes: Literal["auto", "supplied", "pet_threshold", "ct_blobs", "none"] = Field(
        "auto", description="auto: supplied masks, else PET, else CT blobs."
    )
    node_suv_threshold: float = Field(2.5, gt=0, description="SUV above which PET voxels in a station form a node.")
    node_suv_fraction_of_max: float | None = Field(
        None, gt=0, lt=1, description="PET nodes keep only voxels of at least this part of their SUVmax (EANM: 0.41)."
    )
    metastasis: Literal["clinical_criteria", "sa_moe"] = Field(
        "clinical_criteria", description="sa_moe: a network of a model package judges stations."
    )
    model: str | None = Field(None, description="Model package for sa_moe: path, or id; the shipped one by default.")
    operating_point: str | None = Field(None, description="Of the model package; its first by default.")
    device: str = Field("auto", description="Where networks run: auto, cpu, cuda, cuda:1, mps.")
    engine: Engine = Field(
        "auto", description="What runs networks on a CPU; auto: OpenVINO where it is installed and pays, else torch."
    )
    flip_averaging: bool = Field(False, description="Average a network's answer with that for the mirrored station.")
    short_axis_threshold_mm: float = Field(10.0, gt=0, description="Positive at or above (RECIST 1.1).")
    suv_max_threshold: float = Field(4.0, gt=0, description="Positive above (PET/CT N-staging, Sec. 4.2, t = 4).")
    rules: Literal["tnm8", "tnm9", "petct_paper"] = Field("tnm8", description="Lung N rules.")
