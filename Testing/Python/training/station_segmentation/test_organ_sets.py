"""The paper's organs and the choices among them."""

from __future__ import annotations

import pytest

from lnstation_training.tasks.station_segmentation.organ_sets import (
    ANCHORS,
    BEST_SEGMENTED,
    ONCOLOGISTS,
    ORGANS,
    RANDOM,
    STATION_CHOICES,
    chosen_organs,
)
from LNStationLib.support.errors import InputError


def test_there_are_22_organs_and_every_choice_is_of_them() -> None:
    assert len(ORGANS) == len(set(ORGANS)) == 22
    assert ORGANS[:6] == ("esophagus", "aortic_arch", "ascending_aorta", "heart", "spine", "sternum")
    assert len(ANCHORS) == 13
    for choice in (ANCHORS, RANDOM, ONCOLOGISTS, BEST_SEGMENTED):
        assert set(choice) <= set(ORGANS)
        assert len(choice) == len(set(choice))
    assert [len(STATION_CHOICES[name]) for name in ("paper", "all")] == [12, 17]


def test_the_first_organs_of_a_ranking_are_taken() -> None:
    assert chosen_organs("none") == ()
    assert chosen_organs("all") == ORGANS
    assert chosen_organs("paper_searched", 6) == ORGANS[:6]
    assert chosen_organs("searched", 2, searched=["trachea", "heart", "spine"]) == ("trachea", "heart")
    assert chosen_organs("best_segmented", 2, dice={"trachea": 0.9, "heart": 0.95}) == ("heart", "trachea")
    assert chosen_organs("best_segmented", 6) == BEST_SEGMENTED


def test_what_a_choice_rests_on_must_be_there() -> None:
    with pytest.raises(InputError, match="run the row of the search first"):
        chosen_organs("searched", 6)
    with pytest.raises(InputError, match="there are 6 organs"):
        chosen_organs("random", 7)
