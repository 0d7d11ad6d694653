"""Bridges to libraries: written for an older TensorFlow, or not always installed."""
