"""Events to models."""
