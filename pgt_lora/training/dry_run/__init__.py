"""What a recipe would take."""
