"""Litmus tests: syntax and reading."""
