"""C text: one reader."""
