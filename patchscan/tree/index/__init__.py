"""The identifier index."""
