"""The rows of the table of methods, one short file each; a row that is imported here is known."""

from . import (
    adam,
    bsa,
    bsa_biggan,
    cdc,
    encoder_generator,
    ewc,
    freezed,
    fsgan,
    masked_discrimination,
    minegan,
    nst,
    rick,
    scratch,
    transfergan,
    transfergan_scale_shift,
    update,
)

__all__ = [
    "adam",
    "bsa",
    "bsa_biggan",
    "cdc",
    "encoder_generator",
    "ewc",
    "freezed",
    "fsgan",
    "masked_discrimination",
    "minegan",
    "nst",
    "rick",
    "scratch",
    "transfergan",
    "transfergan_scale_shift",
    "update",
]
