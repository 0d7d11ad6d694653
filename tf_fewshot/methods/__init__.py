"""The table of methods: every method is objective × trainable × latents × regularizers."""

from . import bsa, ewc, freezed, scratch, transfergan, update
from .method import Method, get, names, register

__all__ = [
    "Method",
    "bsa",
    "ewc",
    "freezed",
    "get",
    "names",
    "register",
    "scratch",
    "transfergan",
    "update",
]
