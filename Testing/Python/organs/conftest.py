"""Fixtures of the organ tests: made once, used by all."""

from __future__ import annotations

import pytest
from organs.organ_cases import Thorax, find_in, make_thorax, real_organs_found

from LNStationLib.state.organ_set import OrganSet


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
    return real_organs_found(supplied=True)


@pytest.fixture(scope="session")
def real_image_organs() -> OrganSet:
    """Organs of the real CT from the image alone."""
    return real_organs_found(supplied=False)
