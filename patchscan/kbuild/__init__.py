"""When a line is built."""
