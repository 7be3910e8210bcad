"""Model families, checkpoints and the one input path."""
