"""The table of methods: every method is objective × trainable × latents × regularizers."""

from . import rows
from .method import Method, get, names, register

__all__ = ["Method", "get", "names", "register", "rows"]
