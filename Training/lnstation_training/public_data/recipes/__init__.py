"""One file a data set."""

IDC_CHECKED = "Patients, sizes, licenses, DOIs, Patient IDs and descriptions of series: the index of IDC version 25."
"""Of recipes whose facts were read from the tables of idc-index-data 25.0.5."""
