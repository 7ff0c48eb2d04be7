"""Facts of the files of a tree, a kind of fact a file of this room (of_*.py), kept by what the file holds."""
