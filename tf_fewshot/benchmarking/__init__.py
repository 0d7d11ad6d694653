"""Measuring speed: loading, sampling and training steps."""
