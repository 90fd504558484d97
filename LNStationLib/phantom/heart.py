"""Heart of an average adult in diastole, in the frame of ``central``: chambers, wall and pericardium."""

from __future__ import annotations

from LNStationLib.phantom.shapes import Blend, Ellipsoid, Shape, frame_along, tube

# From the base to the apex: forward, to the left and down.
LONG_AXIS = frame_along((0.70, -0.52, -0.42))
LEFT_CENTER = (43.0, -34.0, -84.0)


def chambers() -> dict[str, Shape]:
    """Blood of each chamber; the left atrium and its appendage are organs of the table."""
    return {
        "atrium_left": Blend(
            (
                Ellipsoid((2, 10, -51), (27, 15, 17)),
                Ellipsoid((-12, 12, -56), (16, 13, 13)),
                Ellipsoid((16, 10, -55), (16, 13, 15)),
            ),
            8.0,
        ),
        "atrial_appendage_left": Blend((tube([(30, -2, -46), (40, -16, -40), (38, -28, -36)], [7, 6.5, 4.0]),), 0),
        "atrium_right": Blend(
            (Ellipsoid((-30, -26, -72), (19, 23, 28)), Ellipsoid((-16, -46, -52), (13, 10, 13))), 10.0
        ),
        "ventricle_right": Blend(
            (
                Ellipsoid((4, -54, -84), (32, 18, 26)),
                Ellipsoid((30, -64, -100), (30, 12, 15)),
                tube([(10, -56, -66), (22, -54, -55), (27, -49, -47)], [17, 15, 13.5]),
            ),
            10.0,
        ),
        "ventricle_left": Blend(
            (Ellipsoid(LEFT_CENTER, (39, 20, 20), LONG_AXIS), tube([(24, -22, -70), (10, -24, -56)], [14, 13])), 10.0
        ),
    }


def left_myocardium() -> Shape:
    """Outer surface of the left ventricle's wall, about 9 mm thick."""
    return Ellipsoid((LEFT_CENTER[0] + 1, LEFT_CENTER[1] - 1, LEFT_CENTER[2] - 1), (49, 29.5, 29.5), LONG_AXIS)


def envelope() -> Shape:
    """Outer surface of the heart: chambers, walls and epicardial fat in the grooves."""
    return Blend(
        (
            left_myocardium(),
            Ellipsoid((4, -53, -85), (37, 22, 30)),
            Ellipsoid((31, -62, -100), (36, 16, 19)),
            Ellipsoid((-30, -26, -72), (21.5, 25.5, 31)),
            Ellipsoid((2, 10, -53), (31, 17, 19.5)),
            Ellipsoid((6, -30, -58), (32, 30, 20)),
            Ellipsoid((24, -22, -76), (40, 34, 28)),
        ),
        14.0,
    )
