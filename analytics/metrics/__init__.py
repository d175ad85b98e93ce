"""What can be charted and watched, one subject a file."""
