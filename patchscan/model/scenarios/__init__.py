"""Which models a series touches."""
