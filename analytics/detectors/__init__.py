"""How two windows are compared, one detector a file."""
