"""What can be said of one call, one evaluator a file."""
