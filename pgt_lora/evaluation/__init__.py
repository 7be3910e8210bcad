"""Answers, scores and what a difference is worth."""
