"""The body of a synthetic patient: shapes, the traits they vary with, and organ masks."""
