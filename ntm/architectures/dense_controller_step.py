"""Controllers of fully connected layers as ONNX nodes; see `dense_controllers`."""

from ntm.architectures.onnx_step import ControlledStep

NODES = {"tanh": "Tanh", "relu": "Relu", "sigmoid": "Sigmoid"}


class DenseControlledStep(ControlledStep):
    """A step whose controller may be a `DenseController` or a `RecurrentController`.

    Its configuration has `layers_below`, and `remembers`: whether the controller has a state.
    """

    @property
    def activation(self) -> str:
        """Of a controller that is no LSTM."""
        return str(self.config.wiring.activation)

    @property
    def remembers(self) -> bool:
        """Whether the controller hears its last hidden vector."""
        return bool(self.config.remembers)

    def controller(self, x: str, heard: str, cell: str | None) -> tuple[str, str | None]:
        """The hidden vector [B, C], and an LSTM's cell [B, C]."""
        if self.is_lstm or (self.activation == "tanh" and not self.config.layers_below):
            return super().controller(x, heard, cell)
        value = self.graph.concat([x, heard], 1)
        below = [f"controller.below.{n}" for n in range(len(self.config.layers_below))]
        for name in (*below, "controller.layer"):
            value = self.graph.add(NODES[self.activation], self.linear(name, value))
        return value, None
