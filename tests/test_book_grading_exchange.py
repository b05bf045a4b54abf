"""What passes between the judge and a submission's process: values as they are, and nothing forged."""

import json

import numpy as np
import pytest
import torch

from nmp_lessons.book.grading import exchange, isolation
from nmp_lessons.book.grading.isolation import Process
from nmp_lessons.book.grading.judge import Remote

TRUST = bool(isolation.obstacle())  # the cells below are our own


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        3,
        2.5,
        "=1",
        [1, [2]],
        (1, "a"),
        {"a": (1,)},
        np.arange(6.0).reshape(2, 3),
        np.array(3),
        np.zeros((0, 4)),
    ],
)
def test_what_is_sent_arrives(value):
    found = exchange.decoded(json.loads(json.dumps(exchange.encoded(value))))
    assert type(found) is type(value)
    assert np.array_equal(found, value) if isinstance(value, np.ndarray) else found == value


@pytest.mark.parametrize("padding", [(1, 2), "same"])
def test_layers_arrive_with_their_weights_in_order(padding):
    layers = torch.nn.ModuleDict({"a": torch.nn.Conv2d(2, 3, (3, 5), padding=padding), "b": torch.nn.BatchNorm2d(3)})
    theirs, ours = [], []
    found = exchange.decoded(exchange.encoded(layers.eval(), theirs), ours)
    assert [each.shape for each in theirs] == [each.shape for each in ours] and len(ours) == 4
    x = torch.randn(1, 2, 4, 6)
    assert torch.equal(found["b"](found["a"](x)), layers["b"](layers["a"](x)))


@pytest.mark.parametrize(
    "forged",
    [
        {"is": "array", "type": "<f8", "shape": [2**40], "bytes": ""},
        {"is": "array", "type": "|O", "shape": [1], "bytes": "AA=="},
        {"is": "array", "type": "<f8", "shape": [-1], "bytes": ""},
        {"is": "module", "kind": "LazyConv2d"},
        {"is": "wish"},
        {},
    ],
)
def test_a_forged_value_is_refused_before_memory_is_taken(forged):
    with pytest.raises(exchange.Unfit):
        exchange.decoded([forged])


@pytest.mark.slow
def test_gradients_pass_through():
    with Process(trust=TRUST) as process:
        process.ask("run", seconds=60, cells=["def double(x):\n    x2 = x * x\n    return x2.sum()"])
        x = torch.tensor([1.0, -3.0], requires_grad=True)
        Remote(process, "double", 10)(x).backward()
    assert x.grad.tolist() == [2.0, -6.0]


@pytest.mark.slow
def test_changes_to_arguments_come_back():
    with Process(trust=TRUST) as process:
        process.ask("run", seconds=60, cells=["def double(x, y):\n    x *= 2\n    y.append(1)"])
        x, y = np.ones(3), []
        assert Remote(process, "double", 10)(x, y) is None
    assert x.tolist() == [2.0, 2.0, 2.0] and y == [1]
