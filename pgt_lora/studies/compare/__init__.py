"""Arms against each other."""
