"""Barriers whose comments name each other."""
