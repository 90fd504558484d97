"""The state of a patient: data that steps read and return."""
