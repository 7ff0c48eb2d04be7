"""A process that stays: command lines are answered by one that has read the rules, and editors by their protocol."""
