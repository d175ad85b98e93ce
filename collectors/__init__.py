"""Logs in."""
