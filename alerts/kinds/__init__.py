"""Each file one kind of rule."""
