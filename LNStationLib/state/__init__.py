"""What is known of a patient so far, as data that steps read and return."""
