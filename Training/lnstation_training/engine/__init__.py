"""Fit, resume, predict, evaluate and export any task; knows the ``Task`` protocol and no task by name."""
