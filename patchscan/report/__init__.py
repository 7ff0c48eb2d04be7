"""The report: one file a format."""
