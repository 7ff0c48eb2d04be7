"""Archives of lists judged series by series, and what became of what was said: rows to ask questions of."""
