"""Synthetic cohorts: made, audited beside published ones, and read by an ideal observer."""
