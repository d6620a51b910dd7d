"""The multilayer perceptron: a learned function with all its weights in one flat vector."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

import numpy as np
import pytensor.tensor as pt
from numpy.typing import NDArray
from pytensor.tensor.variable import TensorVariable

from bnode_nlme.dynamics.activation import ACTIVATIONS
from bnode_nlme.dynamics.arithmetic import ARRAY, GRAPH, Arithmetic
from bnode_nlme.dynamics.expression import Expression
from bnode_nlme.dynamics.layer import Layer
from bnode_nlme.dynamics.mlp_arguments import check_mlp, check_points, check_tensor, check_weights
from bnode_nlme.dynamics.output_range import into_range
from bnode_nlme.dynamics.periodic import on_circles

__all__ = ["MLP"]


@dataclass(frozen=True)
class MLP:
    """A multilayer perceptron, declared without weights.

    Layer l computes ``h = activation(W @ h + b)``; the last layer has no activation but the
    transform that `output`, `lower` and `upper` name. With ``z = (x - anchor) / scale`` (anchor 0
    and scale 1 where not given) the network is ``f(z)``, or ``f(z) - f(0)`` where an anchor is
    given. Whatever is declared here holds for every weight vector, in the prior as in the
    posterior.

    Parameters
    ----------
    name : str
        The name it has in a system (``nn.<name>``) and in results.
    inputs : int
        Number of inputs.
    hidden : tuple of int
        Widths of the hidden layers; ``()`` for a linear map.
    activation : {"tanh", "softplus", "sigmoid", "relu", "swish"}
        Function between layers; see `bnode_nlme.dynamics.activation.ACTIVATIONS`.
    output : {"linear", "positive", "monotone"}
        ``"positive"``: softplus of the last layer. ``"monotone"``: non-decreasing in every input,
        because every ``W`` goes through softplus first, so that any real weight vector is valid
        (it needs an increasing activation; ``-net(x)`` is non-increasing).
    outputs : int
        Number of outputs.
    scale : float or sequence of float, optional
        Positive; inputs are divided by it. One number for all inputs or one for each. Choose it
        so that the scaled inputs are of order one.
    anchor : float or sequence of float, optional
        The point where every output is 0, whatever the weights. Inputs are counted from there.
        In a call with scalar inputs it is exactly 0; over a batch, to rounding. The last bias
        cancels, so its weight has no influence; it stays in the vector so that all networks of
        one shape have one size.
    lower, upper : float, optional
        Ends of the range of every output; either may be left out, and both go with every `output`
        (``"positive"`` is ``lower=0``). With an anchor 0 must lie between them: values near 0 are
        what they would be without, and bend towards the ends (``upper * tanh(y / upper)``). A
        function that falls from 1 to 0 is ``1 - net(x)`` with ``output="monotone"``, ``lower=0``
        and ``upper=1``.
    period : float or sequence of float or None, optional
        Length after which an input comes round again, such as 24 for the time of day in hours; one
        number for all inputs, or one or None for each. Such an input enters as sine and cosine, two
        inputs of the first layer, counted from the anchor; `scale` is not used for it.
    logarithmic : bool or sequence of bool
        Whether inputs enter as ``log(1 + z)``; one choice for all or one for each. For concentrations
        and amounts, whose effects part at their size, not at their differences: ``x / (EC50 + x)`` is
        then one tanh unit with a weight of 1/2, where `scale` is half EC50, and the prior neither
        levels off at once nor goes on straight for ever. Not a number where ``z <= -1``.

    Raises
    ------
    DeclarationError
        Naming the network, what was wanted and what was found.

    Examples
    --------
    >>> import numpy as np
    >>> absorption = MLP("absorption", inputs=1, hidden=(8,), output="positive", scale=100.0)
    >>> absorption.size
    25
    >>> absorption.evaluate(np.zeros(25), np.array([[0.0], [50.0]]))
    array([0.69314718, 0.69314718])
    """

    name: str
    inputs: int
    hidden: tuple[int, ...] = (8,)
    activation: Literal["tanh", "softplus", "sigmoid", "relu", "swish"] = "tanh"
    output: Literal["linear", "positive", "monotone"] = "linear"
    outputs: int = 1
    scale: float | Sequence[float] | None = None
    anchor: float | Sequence[float] | None = None
    lower: float | None = None
    upper: float | None = None
    period: float | Sequence[float | None] | None = None
    logarithmic: bool | Sequence[bool] = False

    def __post_init__(self) -> None:
        for field, value in check_mlp(vars(self)).items():
            object.__setattr__(self, field, value)

    @property
    def layers(self) -> tuple[Layer, ...]:
        """The layers, first to last: their fan-in, fan-out and slices of the weight vector."""
        circles = 0 if self.period is None else sum(p is not None for p in self._periods)
        widths = (self.inputs + circles, *self.hidden, self.outputs)
        layers = []
        start = 0
        for fan_in, fan_out in pairwise(widths):
            middle = start + fan_in * fan_out
            layers.append(
                Layer(fan_in, fan_out, slice(start, middle), slice(middle, middle + fan_out))
            )
            start = middle + fan_out
        return tuple(layers)

    @property
    def size(self) -> int:
        """Length of the flat weight vector."""
        return int(self.layers[-1].bias.stop)

    def unpack(self, w: Any) -> list[tuple[Any, Any]]:
        """Split a flat weight vector into its layers.

        The weights come back as they are: a monotone network's are not yet through softplus.

        Parameters
        ----------
        w : TensorVariable (size,) or array_like (..., size)
            The flat weights; arrays may have leading axes (draws, chains).

        Returns
        -------
        list of (W, b)
            ``W`` (..., fan_out, fan_in) and ``b`` (..., fan_out) of each layer, first to last.

        Raises
        ------
        DeclarationError
            When the length is not `size`.
        """
        w = check_weights(self.name, self.size, w)
        leading = () if isinstance(w, TensorVariable) else w.shape[:-1]
        return [
            (
                w[..., layer.weight].reshape((*leading, layer.fan_out, layer.fan_in)),
                w[..., layer.bias],
            )
            for layer in self.layers
        ]

    def __call__(self, weights: Any, *inputs: Any) -> Expression:
        """Build the PyTensor graph of the network.

        Parameters
        ----------
        weights : TensorVariable or array_like (size,)
            The flat weights.
        *inputs : TensorVariable or array_like
            As many scalars as the network has inputs, or one tensor of shape (..., inputs).

        Returns
        -------
        TensorVariable, float64
            For scalar inputs a scalar, or a vector (outputs,) where there are several outputs;
            for a tensor of shape (..., inputs), shape (...) or (..., outputs).

        Raises
        ------
        DeclarationError
            When the number or the shape of the inputs, or the length of the weights, is wrong.
        """
        y: Expression = self._forward(*self._graph(weights, inputs), GRAPH)
        return y

    def features(self, weights: Any, *inputs: Any) -> Expression:
        """Build the graph of what the last layer works on: it is linear in that layer's weights.

        Parameters
        ----------
        weights, *inputs
            As for a call.

        Returns
        -------
        TensorVariable, float64 (..., hidden[-1])
            The last hidden layer; with an anchor, its difference from that at the anchor.

        Raises
        ------
        DeclarationError
            When the number or the shape of the inputs, or the length of the weights, is wrong.
        """
        found: Expression = self._features(*self._graph(weights, inputs), GRAPH)
        return found

    def _graph(self, weights: Any, inputs: tuple[Any, ...]) -> tuple[Any, Any, Any, Any]:
        """Input, layers, matrix product and activation, as `_forward` takes them."""
        x = check_tensor(self.name, self.inputs, inputs)
        layers = self.unpack(pt.as_tensor_variable(weights))

        # For a vector ``@`` would be a batched Matmul, pt.dot is the plain Dot to be lowered.
        dot: Callable[[Expression, Expression], Expression] = pt.dot

        def apply(W: Expression, h: Expression) -> Expression:
            if h.ndim == 1:
                return dot(W, h)
            if W.type.shape[0] == 1:
                # Numba's matrix products are long: they would be half of a small model's code,
                # and of the time that it takes to compile.
                return (h * W[0]).sum(axis=-1, keepdims=True)
            return h @ W.T

        return x, layers, apply, ACTIVATIONS[self.activation].graph

    def evaluate(self, w: Any, x: Any) -> NDArray[np.float64]:
        """Evaluate the network in NumPy, for every draw of the weights at once.

        Parameters
        ----------
        w : array_like (..., size)
            Flat weights; leading axes are draws.
        x : array_like (points, inputs)
            Where to evaluate.

        Returns
        -------
        ndarray (..., points) or (..., points, outputs)
            Without the last axis where the network has one output.

        Raises
        ------
        DeclarationError
            When a shape is wrong.
        """
        x = check_points(self.name, self.inputs, x)
        layers = [(W, b[..., None, :]) for W, b in self.unpack(np.asarray(w, dtype=np.float64))]

        def apply(W: NDArray[np.float64], h: NDArray[np.float64]) -> NDArray[np.float64]:
            return np.asarray(h @ np.swapaxes(W, -1, -2))

        activation = ACTIVATIONS[self.activation].array
        return np.asarray(self._forward(x, layers, apply, activation, ARRAY))

    @property
    def _periods(self) -> tuple[float | None, ...]:
        # A tuple with one entry for each input since __post_init__.
        return self.period or ()  # type: ignore[return-value]

    def _in_logarithms(self, z: Any, at: Arithmetic) -> Any:
        # A tuple with one entry for each input since __post_init__, or False.
        chosen: tuple[bool, ...] = self.logarithmic  # type: ignore[assignment]
        if all(chosen):
            return at.log1p(z)
        columns = [z[..., i : i + 1] for i in range(self.inputs)]
        return at.joined(
            [at.log1p(z) if own else z for z, own in zip(columns, chosen, strict=True)]
        )

    def _forward(
        self,
        x: Any,
        layers: Sequence[tuple[Any, Any]],
        apply: Callable[[Any, Any], Any],
        activation: Callable[[Any], Any],
        at: Arithmetic,
    ) -> Any:
        h = self._features(x, layers, apply, activation, at)
        W, b = layers[-1]
        if self.output == "monotone":
            W = at.softplus(W)
        # With an anchor the difference is taken before the last layer: the zero is exact, and the
        # bias drops out.
        anchored = self.anchor is not None
        y = apply(W, h) if anchored else apply(W, h) + b
        lower = 0.0 if self.output == "positive" else self.lower
        y = into_range(y, lower, self.upper, anchored=anchored, at=at)
        return y[..., 0] if self.outputs == 1 else y

    def _features(
        self,
        x: Any,
        layers: Sequence[tuple[Any, Any]],
        apply: Callable[[Any, Any], Any],
        activation: Callable[[Any], Any],
        at: Arithmetic,
    ) -> Any:
        anchored = self.anchor is not None
        if anchored and np.any(self.anchor):
            x = x - np.asarray(self.anchor)
        if self.scale is not None:
            x = x / np.asarray(self.scale)
        if self.logarithmic:
            x = self._in_logarithms(x, at)
        if self.period is not None:
            x = on_circles(x, self._periods, at)
        if self.output == "monotone":
            layers = [(at.softplus(W), b) for W, b in layers]
        h, at_anchor = x, None
        for W, b in layers[:-1]:
            h = activation(apply(W, h) + b)
            if anchored:
                # z = 0 at the anchor, where the first layer is its bias alone: W @ 0 + b is b to
                # the last bit, whatever the compiler reorders or fuses.
                at_anchor = activation(b if at_anchor is None else apply(W, at_anchor) + b)
        return h if at_anchor is None else h - at_anchor
