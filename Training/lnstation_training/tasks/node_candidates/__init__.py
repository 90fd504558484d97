"""Telling true node candidates from false ones: OSLN's second stage (Zhu et al. 2020, Sec. 3.2)."""
