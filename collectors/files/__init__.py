"""How a log file is opened, taken apart and read."""
