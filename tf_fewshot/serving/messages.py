"""Messages that both interfaces answer with."""

from __future__ import annotations

from collections.abc import Mapping

from tensorflow.core.protobuf import error_codes_pb2, meta_graph_pb2
from tensorflow_serving.apis import get_model_metadata_pb2, get_model_status_pb2


def status_of(
    states: Mapping[int, tuple[str, str]],
) -> get_model_status_pb2.GetModelStatusResponse:
    """Returns the states of versions, in their order."""
    response = get_model_status_pb2.GetModelStatusResponse()
    for number, (state, error) in states.items():
        entry = response.model_version_status.add()
        entry.version = number
        entry.state = get_model_status_pb2.ModelVersionStatus.State.Value(state)
        # Set in any case, so that it is written.
        entry.status.error_code = error_codes_pb2.UNKNOWN if error else error_codes_pb2.OK
        entry.status.error_message = error
    return response


def metadata_of(
    signatures: Mapping[str, meta_graph_pb2.SignatureDef],
) -> get_model_metadata_pb2.SignatureDefMap:
    """Returns the signatures of a version."""
    result = get_model_metadata_pb2.SignatureDefMap()
    for name, definition in signatures.items():
        result.signature_def[name].CopyFrom(definition)
    return result
