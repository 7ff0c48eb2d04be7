"""What the simulator answers."""
