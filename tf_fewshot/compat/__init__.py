"""Bridges to libraries that were written for an older TensorFlow."""
