"""The roof: what is run."""
