"""Training library of LNStation.

It arrives with the first learned model: cohorts, losses, tasks, baselines and evaluation. It will use
``LNStationLib``, which never uses it.
"""
