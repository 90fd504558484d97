"""Heart of an average adult in diastole, in the frame of ``central``: chambers, wall and coronary vessels."""

from __future__ import annotations

from LNStationLib.phantom.anatomy.shapes import Blend, Ellipsoid, Shape, Tube, frame_along, tube

# From the base to the apex: forward, to the left and down.
LONG_AXIS = frame_along((0.72, -0.52, -0.36))
LEFT_VENTRICLE_CENTER_MM = (40.0, -29.0, -80.0)
"""Center of the left ventricle's blood."""


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
        "atrial_appendage_left": Blend(
            (tube([(30, -2, -46), (40, -16, -40), (38, -28, -36)], [7, 6.5, 4.0]),), 0
        ),
        "atrium_right": Blend(
            (
                Ellipsoid((-30, -26, -72), (19, 23, 27)), Ellipsoid((-16, -46, -52), (13, 10, 13)),
                Ellipsoid((-24, -16, -84), (16, 17, 17)),
            ),
            10.0,
        ),
        "ventricle_right": Blend(
            (
                Ellipsoid((4, -52, -82), (32, 19, 24)),
                Ellipsoid((24, -54, -96), (36, 20, 12)),
                tube([(10, -56, -66), (22, -54, -55), (27, -49, -47)], [17, 15, 13.5]),
            ),
            10.0,
        ),
        "ventricle_left": Blend(
            (
                Ellipsoid(LEFT_VENTRICLE_CENTER_MM, (41, 21, 21), LONG_AXIS),
                tube([(24, -22, -69), (10, -24, -56)], [14, 13]),
            ),
            10.0,
        ),
    }  # fmt: skip


def left_myocardium() -> Shape:
    """Outer surface of the left ventricle's wall, about 10 mm thick."""
    x, y, z = LEFT_VENTRICLE_CENTER_MM
    return Ellipsoid((x + 1, y - 1, z - 1), (52, 31.5, 31), LONG_AXIS)


def envelope() -> Shape:
    """Outer surface of the heart: chambers, walls and epicardial fat in the grooves."""
    return Blend(
        (
            left_myocardium(),
            Ellipsoid((4, -52, -83), (36, 22.5, 28)),
            Ellipsoid((26, -55, -97), (40, 23, 16)),
            Ellipsoid((-30, -26, -72), (21, 25.5, 30)),
            Ellipsoid((-22, -16, -84), (18, 19, 19)),
            Ellipsoid((2, 10, -53), (30, 16.5, 19)),
            Ellipsoid((6, -28, -58), (31, 30, 19)),
        ),
        14.0,
    )


def coronary_vessels() -> list[Tube]:
    """Coronary arteries in the grooves, and the coronary sinus behind."""
    return [
        tube([(16, -30, -45), (26, -36, -50), (33, -50, -60), (43, -62, -74), (58, -66, -90)], [2, 2, 1.8, 1.5, 1]),
        tube([(16, -30, -45), (34, -18, -54), (48, -4, -66), (50, 0, -78)], [2, 1.9, 1.6, 1.2]),
        tube([(-2, -38, -50), (-13, -48, -60), (-20, -46, -78), (-14, -34, -96)], [2, 2, 1.9, 1.6]),
        tube([(40, 2, -70), (20, 4, -80), (-4, -6, -86), (-16, -12, -86)], [2, 3, 4, 4.5]),
    ]
