"""Recipes: what differs from a method's own settings. ``--config=NAME`` takes one by its name."""
