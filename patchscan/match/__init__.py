"""Rules that are rows: a pattern of C with holes, conditions on the holes, and what to write instead."""
