"""What everything stands on: errors, recipes, streams, pages."""
