"""Public data: fetched and prepared by their own terms, as cohort tables and case folders; a recipe for each."""
