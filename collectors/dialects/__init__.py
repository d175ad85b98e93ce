"""What attribute names mean, one instrumentation family a file."""
