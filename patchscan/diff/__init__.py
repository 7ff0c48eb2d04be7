"""Diffs: reading, applying, writing."""
