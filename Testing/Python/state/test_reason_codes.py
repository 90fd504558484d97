"""Reasons and warnings keep their codes and facts through a file, and their words."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

import LNStationLib.nodes
import LNStationLib.organs
import LNStationLib.stations.atlas_registration.words  # noqa: F401 - what is said here has its words there
from LNStationLib.state.assessment import BorderFinding, Provenance
from LNStationLib.state.reason_codes import as_written, reason_of, recorded, said, warnings_of
from LNStationLib.support.reason import Reason

GIVEN = (
    Reason("no_trachea"),
    Reason("small_aerated_lung", {"side": "left", "volume_ml": np.float32(612.25)}),
    Reason("atlas_left_out", {"atlas": "a", "problem": Reason("few_organs_in_common", {"n_organs": np.int64(2)})}),
    Reason("nodes_outside_stations", {"nodes": (3, 4)}),
)


def provenance(*warnings: Reason) -> Provenance:
    return Provenance(step="organs", implementation="test", version="0", **recorded(warnings))


def test_codes_and_facts_come_back_from_a_file() -> None:
    read = Provenance.model_validate(json.loads(provenance(*GIVEN).model_dump_json()))
    back = warnings_of(read)
    assert [one.code for one in back] == [one.code for one in GIVEN]
    assert back[1].facts == {"side": "left", "volume_ml": 612.25}
    assert back[2].facts["problem"] == Reason("few_organs_in_common", {"n_organs": 2})
    assert recorded(back) == recorded(GIVEN), "said and kept the same again"


def test_a_warning_without_a_code_is_kept_as_it_was_written() -> None:
    read = Provenance(step="organs", implementation="test", version="0", warnings=["Something odd."])
    assert warnings_of(read) == [as_written("Something odd.")]
    assert provenance(*warnings_of(read)).warnings == ["Something odd."]


def test_a_text_with_its_code_comes_back_as_the_reason_that_it_was() -> None:
    rests_on = Reason(
        "around_esophagus", {"around_mm": 10.0, "how": Reason("split_of", {"whole": Reason("bone_plate")})}
    )
    kept = BorderFinding(border="around", surrogate=True, **said("rests_on", rests_on))
    read = BorderFinding.model_validate_json(kept.model_dump_json())
    assert reason_of(read.rests_on, read.rests_on_code) == rests_on
    assert reason_of("of an older file", None) == as_written("of an older file")


def test_facts_nested_without_end_leave_the_sentence() -> None:
    endless: object = 0
    for _ in range(5000):
        endless = [endless]
    part = provenance(Reason("no_trachea"))
    told = part.warning_codes[0].model_copy(update={"facts": {"side": endless}})
    (read,) = warnings_of(part.model_copy(update={"warning_codes": [told]}))
    assert read == as_written(part.warnings[0]) == reason_of(part.warnings[0], told)


@pytest.mark.parametrize("facts", [{}, {"side": "left", "volume_ml": "much"}, {"side": ["left"], "volume_ml": None}])
def test_facts_that_a_file_lacks_or_distorts_leave_the_sentence(facts: dict[str, Any]) -> None:
    part = provenance(Reason("small_aerated_lung", {"side": "left", "volume_ml": 612.25}))
    told = part.warning_codes[0].model_copy(update={"facts": facts})
    (read,) = warnings_of(part.model_copy(update={"warning_codes": [told]}))
    assert read == as_written(part.warnings[0]) == reason_of(part.warnings[0], told)
    assert recorded([read])["warnings"] == part.warnings
