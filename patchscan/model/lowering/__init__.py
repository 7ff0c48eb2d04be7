"""C to events."""
