"""Models to verdicts."""
