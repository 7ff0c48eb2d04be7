"""Executes litmus tests under the Linux kernel memory model."""
