"""The table of methods: every method is objective × trainable × latents × regularizers."""

from . import rows
from .method import Method, get, names, register, trained_through

__all__ = ["Method", "get", "names", "register", "rows", "trained_through"]
