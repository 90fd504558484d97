"""The report's pictures: planes of the patient with outlines, and the drawn station map."""
