"""Behavioural models: from the C code of a series to a litmus test and its verdict."""
