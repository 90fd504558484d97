"""A cohort as tables: a case and its labels; folds of patients."""
