"""The slow oracles."""
