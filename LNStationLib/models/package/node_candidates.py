"""Packages that judge node candidates: OSLN's second stage (Zhu et al. 2020, Sec. 3.2), one logit each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from pydantic import Field, field_validator, model_validator

from LNStationLib.models.package.froc import Froc, point_lines
from LNStationLib.models.package.parts import CardRow, NetworkEntry
from LNStationLib.models.package.sections import NetworkInput, OneInputSection
from LNStationLib.sampling.candidate_patch import BOX, PATCH_TITLES, CandidatePatchSpec
from LNStationLib.sampling.pet_and_tumor import PET

SECOND_STAGE = "second_stage"
"""Role of the network, here and in a package of detectors that it was joined to."""
_N_TAGS = "n_tags"


class NodeCandidates(OneInputSection):
    """A network that tells true candidates from false ones by a patch, the candidate's box, and tags.

    Attributes:
        patch: How a candidate is cut.
        tags: Names of the tags that the network is told, in order; see ``LNStationLib.nodes.tags``.
        froc: Thresholds on its probability with the false positives a patient that they let through.
        judges: What a true candidate is: a significant node, or a visible one.
    """

    task: ClassVar[str] = "node_candidates"
    task_title: ClassVar[str] = "Node candidates, true or false"
    roles: ClassVar[tuple[str, ...]] = (SECOND_STAGE,)

    patch: CandidatePatchSpec
    tags: list[str] = Field(default_factory=list)
    froc: Froc = Field(min_length=2)
    judges: Literal["significant", "visible"] = "significant"

    @field_validator("channels")
    @classmethod
    def _known_channels(cls, value: list[str]) -> list[str]:
        unknown = [name for name in value if name not in PATCH_TITLES]
        if unknown or value[-1] != BOX:
            raise ValueError(f"channels must be of {', '.join(PATCH_TITLES)}, {BOX} last; got {', '.join(value)}")
        return value

    @model_validator(mode="after")
    def _pet_can_be_standardized(self) -> NodeCandidates:
        if PET in self.channels and self.patch.pet_suv is None:
            raise ValueError(f"the channel {PET} needs pet_suv, a mean and a standard deviation")
        return self

    def check_networks(self, networks: Sequence[NetworkEntry]) -> None:
        """Hold the network to its role and its tags.

        Raises:
            ValueError: It takes another number of tags.
        """
        super().check_networks(networks)
        wanted = networks[0].arguments.get(_N_TAGS, len(self.tags))
        if wanted != len(self.tags):
            raise ValueError(f"the network takes {wanted} tags, and {len(self.tags)} are named")

    def network_input(self, role: str) -> NetworkInput:
        """The channels of a patch."""
        return NetworkInput(tuple(self.channels), self.patch.size)

    def card_rows(self) -> list[CardRow]:
        """Patch, channels, tags and operating points."""
        size = " x ".join(str(n) for n in reversed(self.patch.size))
        spacing = " x ".join(f"{mm:g}" for mm in reversed(self.patch.spacing_mm))
        return [
            CardRow("Second stage", (f"true candidates are {self.judges} nodes",)),
            CardRow("Patch", (f"{size} voxels of {spacing} mm",)),
            CardRow("Input of the second stage", tuple(f"{name}: {PATCH_TITLES[name]}" for name in self.channels)),
            CardRow("Tags", (", ".join(self.tags) or "none",)),
            CardRow("Operating points of the second stage", point_lines(self.froc)),
        ]
