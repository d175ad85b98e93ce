"""How rules are worked through, window by window."""
