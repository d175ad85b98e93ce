"""How log records are read, one format a file."""
