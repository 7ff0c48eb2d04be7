"""The kernel's memory model."""
