"""Kconfig: one reader, and what its formulas imply."""
