"""Code in the tree: uses and definitions."""
