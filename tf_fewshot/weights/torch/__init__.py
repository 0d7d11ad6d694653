"""Generators from checkpoints of PyTorch."""
