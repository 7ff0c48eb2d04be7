"""What everything stands on: records, patterns, problems, git, boolean formulas."""
