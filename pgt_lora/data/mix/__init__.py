"""A dataset drawn from several sources."""
