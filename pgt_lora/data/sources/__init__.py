"""Datasets of photographs, one a file; `discover` finds them by their `SOURCE`."""
