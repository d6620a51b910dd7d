"""Every faulty network is refused with its name, what was wanted, what was found, and the cure."""

from typing import Any

import numpy as np
import pytensor.tensor as pt
import pytest

from bnode_nlme.dynamics import MLP, DeclarationError


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"name": 3}, r"network's name must be a string, found 3 of type int"),
        ({"name": "a b"}, r"network 'a b': a name must be a Python identifier"),
        ({"name": "lambda"}, r"network 'lambda': .* not a keyword"),
        ({"name": "_f"}, r"network '_f': .* underscore"),
        ({"inputs": 0}, r"Network 'f': inputs= wants whole numbers of at least 1, found 0"),
        ({"inputs": 1.5}, r"Network 'f': inputs= wants whole numbers .* found 1.5"),
        ({"inputs": True}, r"Network 'f': inputs= .* found True"),
        ({"hidden": 8}, r"Network 'f': hidden= wants a tuple .* found 8\. Write hidden=\(8,\)"),
        ({"hidden": "8"}, r"Network 'f': hidden= wants a tuple of layer widths, found '8'"),
        ({"hidden": (8, 0)}, r"Network 'f': hidden= wants whole numbers of at least 1, found 0"),
        ({"outputs": -1}, r"Network 'f': outputs= .* found -1"),
        (
            {"activation": "gelu"},
            r"activation='gelu' is unknown\. Valid choices: 'tanh', 'softplus', 'sigmoid', "
            r"'relu', 'swish'",
        ),
        (
            {"output": "exp"},
            r"output='exp' is unknown\. Valid choices: 'linear', 'positive', 'monotone'",
        ),
        (
            {"output": "monotone", "activation": "swish"},
            r"needs an increasing activation, found 'swish'\. Valid choices: 'tanh', 'softplus', "
            r"'sigmoid', 'relu'\.",
        ),
        (
            {"output": "positive", "anchor": 0.0},
            r"Network 'f': anchor= .* output='positive' never is\. Use output='monotone'",
        ),
        ({"scale": 0.0}, r"Network 'f': scale= must be positive, found 0\.0"),
        ({"scale": (1.0, -2.0)}, r"scale= must be positive, found \(1\.0, -2\.0\)"),
        ({"scale": (1.0, 2.0, 3.0)}, r"scale= wants one finite number, or 2, one for each input"),
        ({"scale": float("nan")}, r"scale= wants one finite number, or 2, .* found nan"),
        ({"scale": "big"}, r"scale= wants one finite number, or 2, .* found 'big'"),
        ({"anchor": (1.0,)}, r"anchor= wants one finite number, or 2, .* found \(1\.0,\)"),
        ({"anchor": np.inf}, r"anchor= wants one finite number, or 2, .* found inf"),
    ],
)
def test_faulty_fields_are_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(DeclarationError, match=message):
        MLP(**{"name": "f", "inputs": 2, **fields})


@pytest.mark.parametrize(
    ("inputs", "arguments", "message"),
    [
        (2, (1.0,), r"Network 'f': wanted 2 inputs, found 1\..* declare it with inputs=1"),
        (1, (1.0, 2.0), r"Network 'f': wanted 1 input, found 2"),
        (1, (), r"Network 'f': wanted 1 scalar input or .*, found nothing"),
        (1, (np.zeros(50),), r"shape \(\.\.\., 1\), found \(50,\)\. Write x\[\.\.\., None\]"),
        (2, (np.zeros((5, 3)),), r"one tensor of shape \(\.\.\., 2\), found \(5, 3\)"),
        (2, (np.zeros(5), np.zeros(5)), r"found \(5,\), \(5,\)\. Join several with pt\.stack"),
        (2, (np.zeros(2), 1.0), r"found \(2,\), \(\)"),
        (
            1,
            ("dose",),
            r"Network 'f': wanted numbers or PyTensor variables as inputs, found 'dose'",
        ),
        (1, (1j,), r"Network 'f': wanted real inputs, found complex"),
    ],
)
def test_faulty_calls_are_refused(inputs: int, arguments: tuple[Any, ...], message: str) -> None:
    network = MLP("f", inputs=inputs)
    with pytest.raises(DeclarationError, match=message):
        network(np.zeros(network.size), *arguments)


@pytest.mark.parametrize("weights", [np.zeros(24), np.zeros(26), np.zeros((25, 2)), np.array(1.0)])
def test_weights_of_a_wrong_length_are_refused(weights: Any) -> None:
    network = MLP("f", inputs=1)
    with pytest.raises(DeclarationError, match=r"Network 'f': wanted weights of shape \(.*25,?\)"):
        network.unpack(weights)
    with pytest.raises(DeclarationError, match=r"Network 'f': wanted weights of shape \(25,\)"):
        network(pt.as_tensor_variable(weights), 1.0)


def test_symbolic_weights_cannot_be_batched() -> None:
    with pytest.raises(DeclarationError, match=r"wanted weights of shape \(25,\), found \(3, 25\)"):
        MLP("f", inputs=1)(pt.matrix("w", shape=(3, 25)), 1.0)


@pytest.mark.parametrize(
    ("inputs", "x", "message"),
    [
        (1, np.zeros(7), r"shape \(points, 1\), found \(7,\)\. Write x\[:, None\]"),
        (2, np.zeros((7, 3)), r"shape \(points, 2\), found \(7, 3\)"),
    ],
)
def test_evaluate_refuses_points_of_another_shape(inputs: int, x: Any, message: str) -> None:
    network = MLP("f", inputs=inputs)
    with pytest.raises(DeclarationError, match=message):
        network.evaluate(np.zeros(network.size), x)
