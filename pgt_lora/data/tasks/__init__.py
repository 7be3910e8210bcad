"""The procedurally generated tasks, one a file."""
