"""Node classification: one node, metastatic or not, from its patch; PGLS (Li et al. 2024) among its trainings."""
