"""What is said, in words, pictures and links."""
