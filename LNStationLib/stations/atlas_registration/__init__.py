"""Stations carried over from atlases by registration: Engelson et al. 2026, Sec. 3.2.1.

Nothing is imported here: processes that register need little more than greedy.
"""
