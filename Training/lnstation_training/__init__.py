"""Training library of LNStation: from a cohort's tables to model packages.

It uses ``LNStationLib``, which never uses it. Rooms, from the ground up: ``cohorts`` (tables, folds) and
``evaluation`` (figures); ``engine`` (fit, export and experiments of any task); ``tasks`` (one folder a task) and
``synthetic`` (cohorts with known truth); ``cli``.
"""
