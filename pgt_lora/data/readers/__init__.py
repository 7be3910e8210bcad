"""Formats of other people's data."""
