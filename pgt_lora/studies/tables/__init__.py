"""What an author exports: tables, figures, references, and the list of runs."""
