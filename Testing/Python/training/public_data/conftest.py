"""What tests of public data share."""

from __future__ import annotations

import pytest


@pytest.fixture
def any_chest(monkeypatch: pytest.MonkeyPatch) -> None:
    """Images that need not look like chests."""
    monkeypatch.setattr("LNStationLib.case.check.check_thorax", lambda ct, name, warn: None)
