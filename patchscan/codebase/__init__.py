"""C as one configuration's compiler sees it."""
