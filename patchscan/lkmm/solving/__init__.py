"""Executions by a SAT solver."""
