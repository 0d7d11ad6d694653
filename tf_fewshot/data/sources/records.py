"""Pictures in TFRecords."""

from __future__ import annotations

import io
from pathlib import Path

from ...errors import UserError
from ..decode import open_picture
from .entries import Entry, Source


def tfrecord(path: Path) -> Source:
    """Lists the pictures of a file of ``tf.train.Example``, which may be compressed by gzip.

    Raises:
        UserError: if it is damaged, or has other records.
    """
    import tensorflow as tf

    with open(path, "rb") as file:
        compression = "GZIP" if file.read(2) == b"\x1f\x8b" else ""
    entries: list[Entry] = []
    try:
        for i, record in enumerate(tf.data.TFRecordDataset(str(path), compression)):
            feature = tf.train.Example.FromString(record.numpy()).features.feature
            if not feature["image/encoded"].bytes_list.value:
                known = ", ".join(sorted(key for key in feature if key != "image/encoded"))
                raise UserError(
                    f"Record {i} of {path} has no image/encoded (PNG or JPEG bytes); "
                    f"it has: {known or 'nothing'}."
                )
            data = feature["image/encoded"].bytes_list.value[0]
            labels = feature["image/class/label"].int64_list.value
            entries.append(
                Entry(
                    f"record {i}",
                    lambda data=data: open_picture(io.BytesIO(data)),
                    int(labels[0]) if labels else None,
                )
            )
    except UserError:
        raise
    # DecodeError of a record that is no Example is an exception of protobuf.
    except (tf.errors.OpError, _decode_error()) as error:
        reason = str(error).split("\n")[0]
        raise UserError(
            f"{path} cannot be read as TFRecord after {len(entries)} records "
            f"({reason}): it is corrupt, or no tf.train.Examples."
        ) from error
    return Source(entries)


def _decode_error() -> type[Exception]:
    from google.protobuf.message import DecodeError

    return DecodeError
