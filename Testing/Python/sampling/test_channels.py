"""Channels by name: in the order asked for, each by its one builder."""

from __future__ import annotations

import numpy as np
import pytest

from LNStationLib.imaging.grid import Grid
from LNStationLib.sampling.channels import CHANNELS, channel, need_nodes
from LNStationLib.sampling.station_region import StationRegion


def small_region() -> StationRegion:
    """Eight voxels: the left half is the station, one voxel of it belongs to node 7."""
    ct = np.linspace(-1, 1, 8, dtype=np.float32).reshape(2, 2, 2)
    station = np.zeros((2, 2, 2), bool)
    station[:, :, 1] = True
    nodes = np.zeros((2, 2, 2), np.uint16)
    nodes[1, 1, 1] = 7
    return StationRegion(ct, station, nodes, Grid((2, 2, 2), (1.0, 1.0, 1.0), (0.0, 0.0, 0.0)))


def test_channels_come_in_the_order_of_their_names() -> None:
    region = small_region()
    there, back = region.channels(["ct", "node_mask"]), region.channels(["node_mask", "ct"])
    assert there.shape == (2, 2, 2, 2)
    assert there.dtype == np.float32
    np.testing.assert_array_equal(there, back[::-1])


def test_every_channel_is_what_its_name_says() -> None:
    region = small_region()
    made = dict(zip(CHANNELS, region.channels(list(CHANNELS)), strict=True))
    np.testing.assert_array_equal(made["ct"], region.ct)
    np.testing.assert_array_equal(made["node_mask"], region.nodes == 7)
    np.testing.assert_array_equal(made["station_mask"], region.station)
    np.testing.assert_array_equal(made["node_product"], np.where(region.nodes == 7, region.ct, 0))
    assert {array.dtype for array in made.values()} == {np.dtype(np.float32)}


def test_an_unknown_channel_lists_the_known_ones() -> None:
    with pytest.raises(ValueError, match="unknown channel 'pet'; known: ct, node_mask"):
        channel("pet")


def test_channels_made_from_nodes_say_that_they_need_them() -> None:
    assert need_nodes(["ct", "node_mask"])
    assert not need_nodes(["ct", "station_mask"])
