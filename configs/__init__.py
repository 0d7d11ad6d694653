"""Configurations, one a method: ``--config=NAME`` finds them."""
