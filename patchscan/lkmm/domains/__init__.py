"""Sections, requests and waits between CPUs."""
