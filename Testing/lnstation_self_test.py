"""Lets ``slicer.testing.runUnitTest`` run the module's self test in a real Slicer."""

from __future__ import annotations

import unittest


class SelfTest(unittest.TestCase):
    """The self test that *Reload and Test* runs, as one unit test."""

    def test_module(self) -> None:
        import LNStation

        LNStation.LNStationTest().runTest()
