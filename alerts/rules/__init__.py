"""Rules as people write, read and keep them."""
