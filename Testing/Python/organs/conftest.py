"""Fixtures of the organ tests: made once, used by all."""

from __future__ import annotations

import pytest
from made_once import made_once
from organs.organ_cases import Thorax, find_in, make_thorax, real_case
from states import organs_on

from LNStationLib.imaging.grid import working_grid
from LNStationLib.state.organ_set import OrganSet
from LNStationLib.state.settings import Settings


@pytest.fixture(scope="session")
def thorax() -> Thorax:
    return make_thorax()


@pytest.fixture(scope="session")
def organs(thorax: Thorax) -> OrganSet:
    """Organs of the synthetic thorax with aorta, pulmonary artery and heart supplied."""
    return find_in(thorax, "aorta", "pulmonary_artery", "heart")


@pytest.fixture(scope="session")
def image_organs(thorax: Thorax) -> OrganSet:
    """Organs of the synthetic thorax from the image alone."""
    return find_in(thorax)


@pytest.fixture(scope="session")
def real_organs() -> OrganSet:
    """Organs of the real CT with its supplied masks."""
    return _organs_of_real_case(supplied=True)


@pytest.fixture(scope="session")
def real_image_organs() -> OrganSet:
    """Organs of the real CT from the image alone."""
    return _organs_of_real_case(supplied=False)


@made_once
def _organs_of_real_case(*, supplied: bool) -> OrganSet:
    case = real_case(supplied=supplied)
    return organs_on(case, working_grid(case.ct, 1.5), Settings())
