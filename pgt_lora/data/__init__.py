"""Rows and dataset directories: drawn, or mixed from annotated photographs."""
