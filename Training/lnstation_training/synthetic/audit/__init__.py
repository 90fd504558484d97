"""A synthetic cohort's figures beside the published ones."""
