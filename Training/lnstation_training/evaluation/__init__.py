"""How good a classifier is: discrimination, operating points, calibration, with intervals and tests."""
