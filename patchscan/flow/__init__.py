"""What holds at each statement of a function."""
