"""How much memory a step takes, told from its graph before it is run.

Tensors are followed in the order in which TensorFlow can run their operations: each takes its
place when it is computed and gives it back after its last use. What shares the memory of its input
takes none.
"""

from __future__ import annotations

import collections
from collections import Counter
from collections.abc import Iterable

import tensorflow as tf

# Their output is their input: other words for the same bytes, or a variable's own.
_SHARE = frozenset(
    (
        *("Identity", "IdentityN", "Reshape", "Squeeze", "ExpandDims", "StopGradient"),
        *("PreventGradient", "Snapshot", "ReadVariableOp", "Placeholder", "Const", "VarHandleOp"),
        *("CheckNumerics", "Shape", "ShapeN", "Size", "Rank"),
    )
)
# They write over an input of the same size that nothing else needs.
_OVERWRITE = frozenset(
    (
        *("Abs", "Add", "AddV2", "AddN", "BiasAdd", "Cast", "Ceil", "ClipByValue", "Cos"),
        *("Div", "DivNoNan", "Elu", "EluGrad", "Erf", "Exp", "Expm1", "FusedBatchNormV3"),
        *("LeakyRelu", "LeakyReluGrad", "Log", "Log1p", "Maximum", "Minimum", "Mul", "MulNoNan"),
        *("Neg", "Pow", "RealDiv", "Reciprocal", "ReciprocalGrad", "Relu", "ReluGrad", "Round"),
        *("Rsqrt", "RsqrtGrad", "Select", "SelectV2", "Selu", "SeluGrad", "Sigmoid"),
        *("SigmoidGrad", "Sign", "Sin", "Softplus", "SoftplusGrad", "Sqrt", "SqrtGrad", "Square"),
        *("SquaredDifference", "Sub", "Tanh", "TanhGrad", "Xdivy"),
    )
)
_CALLS = frozenset(("PartitionedCall", "StatefulPartitionedCall"))


def peak_bytes(graph: tf.Graph) -> int:
    """Returns the most bytes that a graph's tensors take at once, variables and inputs left out.

    Args:
        graph: Of a traced function. Sizes that it leaves open count as 1.
    """
    operations = _needed(graph)
    uses = Counter(
        tensor.ref() for operation in operations for tensor in operation.inputs
    ) + Counter(tensor.ref() for tensor in getattr(graph, "outputs", ()))
    memory = _Memory()
    for operation in operations:
        memory.run(operation, uses)
    return memory.peak


def _needed(graph: tf.Graph) -> list[tf.Operation]:
    """The operations that outputs and side effects need, in the order in which they can run.

    TensorFlow runs what is ready, whoever made it first: the discriminator sees the real pictures
    while the generator still draws.
    """
    ends = [tensor.op for tensor in getattr(graph, "outputs", ())]
    waiting = [*ends, *getattr(graph, "control_outputs", ())] or graph.get_operations()
    before: dict[tf.Operation, set[tf.Operation]] = {}
    after: dict[tf.Operation, list[tf.Operation]] = {}
    while waiting:
        operation = waiting.pop()
        if operation not in before:
            needs = {*(tensor.op for tensor in operation.inputs), *operation.control_inputs}
            before[operation] = needs
            for need in needs:
                after.setdefault(need, []).append(operation)
            waiting.extend(needs)
    missing = {operation: len(needs) for operation, needs in before.items()}
    in_order = [o for o in graph.get_operations() if o in before]
    places = {operation: place for place, operation in enumerate(in_order)}
    ready = collections.deque(operation for operation in in_order if not missing[operation])
    order = []
    while ready:
        operation = ready.popleft()
        order.append(operation)
        for later in sorted(after.get(operation, ()), key=places.__getitem__):
            missing[later] -= 1
            if not missing[later]:
                ready.append(later)
    return order


class _Memory:
    """What tensors take while operations run, one after the other."""

    def __init__(self):
        self.peak = self._now = 0
        # Tensors may share a buffer: its bytes, and how many uses of any of them are left.
        self._buffer: dict[object, list[int]] = {}

    def run(self, operation: tf.Operation, uses: Counter) -> None:
        inputs = [self._buffer.get(tensor.ref()) for tensor in operation.inputs]
        shared = operation.type in _SHARE
        for position, tensor in enumerate(operation.outputs):
            count = uses[tensor.ref()]
            size = _bytes(tensor)
            buffer = None
            if shared:
                buffer = inputs[min(position, len(inputs) - 1)] if inputs else [0, 0]
                if buffer is None:
                    buffer = [0, 0]
            elif operation.type in _OVERWRITE and position == 0:
                last = (b for b in inputs if b and b[1] == inputs.count(b) and b[0] == size)
                buffer = next(last, None)
            if buffer is None:
                buffer = [size, 0]
                self._now += size
            buffer[1] += count
            self._buffer[tensor.ref()] = buffer
        inside = _inside(operation)
        self.peak = max(self.peak, self._now + inside)
        for tensor in operation.inputs:
            self._used(self._buffer.get(tensor.ref()))
        for tensor in operation.outputs:
            buffer = self._buffer[tensor.ref()]
            if not buffer[1]:
                self._used(buffer, 0)

    def _used(self, buffer: list[int] | None, times: int = 1) -> None:
        if buffer is None:
            return
        buffer[1] -= times
        if buffer[1] <= 0 and buffer[0]:
            self._now -= buffer[0]
            buffer[0] = 0


def _bytes(tensor: tf.Tensor) -> int:
    if tensor.dtype in (tf.resource, tf.variant, tf.string):
        return 0
    sizes = tensor.shape.as_list() if tensor.shape.rank is not None else []
    count = 1
    for size in sizes:
        count *= 1 if size is None else size
    return count * tensor.dtype.size


def _inside(operation: tf.Operation) -> int:
    """The most that a called graph takes beside its inputs and outputs."""
    graphs = list(_called(operation))
    if not graphs:
        return 0
    own = sum(_bytes(tensor) for tensor in operation.outputs)
    return max(0, max(peak_bytes(graph) for graph in graphs) - own)


def _called(operation: tf.Operation) -> Iterable[tf.Graph]:
    names = []
    if operation.type in _CALLS:
        names = [operation.get_attr("f").name]
    elif operation.type in ("While", "StatelessWhile"):
        names = [operation.get_attr("body").name]
    elif operation.type in ("If", "StatelessIf"):
        names = [operation.get_attr(key).name for key in ("then_branch", "else_branch")]
    for name in names:
        graph = _graph_of(operation.graph, name)
        if graph is not None:
            yield graph


def _graph_of(graph: tf.Graph, name: str) -> tf.Graph | None:
    while graph is not None:
        function = graph._functions.get(name)
        if function is not None:
            return getattr(function, "graph", None)
        graph = getattr(graph, "outer_graph", None)
    return None
