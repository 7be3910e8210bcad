"""A run from data to report."""
