"""What a solution must do. The messages are written for readers."""

import torch
from torch import nn

from nmp_lessons.model import Config, NMPNet, released

WIRINGS = ("off", "series", "parallel")
NAMES = ("contour", "contour_norm", "contour_out", "missing", "missing_norm")


def check_contour_layers(student):
    for wiring in WIRINGS:
        for filters in (32, 16):
            made = student(wiring, filters)
            assert made is not None, "Your function returns nothing. Does it end in return?"
            assert isinstance(made, nn.ModuleDict), (
                f"Return an nn.ModuleDict, so that PyTorch finds the weights. Yours is a {type(made).__name__}."
            )
            _named(made, wiring)
            _same_weights(made, _library(wiring, filters), f"{wiring}, {filters} filters")
            _keeps_the_size(made)
            _keras_normalisation(made)


def check_contour_logits(student):
    for wiring in WIRINGS:
        layers = _library(wiring, 4)
        stack = torch.randn(2, 8, 9, 264, generator=torch.manual_seed(3))
        _shape(student, layers, stack, wiring)
        _every_weight_learns(student, layers, stack, wiring)
        _as_the_library(student, layers, stack, wiring)
    _released_unaffected(student)


def _library(wiring, filters):
    """The library's layers under the exercise's names, in plain PyTorch."""
    torch.manual_seed(1)
    net = NMPNet(Config(missing=wiring, missing_filters=filters))
    return nn.ModuleDict({name: _plain(getattr(net, name)) for name in NAMES if hasattr(net, name)})


def _plain(layer):
    if not isinstance(layer, nn.Conv2d):
        return layer
    plain = nn.Conv2d(layer.in_channels, layer.out_channels, layer.kernel_size, padding=layer.padding)
    plain.load_state_dict(layer.state_dict())
    return plain


def _named(made, wiring):
    names = set(NAMES if wiring != "off" else NAMES[:3])
    assert set(made) == names, (
        f'With wiring "{wiring}" the layers should be {", ".join(sorted(names))}. Yours are {", ".join(sorted(made))}.'
    )


def _same_weights(made, right, case):
    for name, layer in right.items():
        for kind, weights in layer.named_parameters():
            found = getattr(made[name], kind, None)
            assert found is not None, f"{case}: {name} has no {kind}."
            assert found.shape == weights.shape, (
                f"{case}: the {kind} of {name} has shape {tuple(found.shape)} but should have {tuple(weights.shape)} "
                "(out, in, frames, bins). How many channels come in here?"
            )
    total, count = (sum(weights.numel() for weights in layers.parameters()) for layers in (right, made))
    assert count == total, f"{case}: your layers have {count:,} parameters; counted by hand there should be {total:,}."


def _keeps_the_size(made):
    for name, layer in made.items():
        if isinstance(layer, nn.Conv2d):
            size = tuple(layer(torch.zeros(1, layer.in_channels, 9, 264)).shape[2:])
            assert size == (9, 264), f"{name} turns 9 frames of 264 bins into {size}. Pad by half the kernel."


def _keras_normalisation(made):
    for name in made:
        if name.endswith("norm"):
            assert made[name].eps == 1e-3, f"{name} has eps {made[name].eps:g}, but the released network has 1e-3."


def _shape(student, layers, stack, wiring):
    found = student(layers, stack, wiring)
    assert found is not None, "Your function returns nothing. Does it end in return?"
    assert found.shape == (2, 1, 9, 264), (
        f"{wiring}: for 2 examples of 9 frames, the result should have shape (2, 1, 9, 264). "
        f"Yours has {tuple(found.shape)}."
    )


def _every_weight_learns(student, layers, stack, wiring):
    layers.zero_grad()
    student(layers.eval(), stack, wiring).square().mean().backward()
    for name, weights in layers.named_parameters():
        assert weights.grad is not None and weights.grad.abs().sum() > 0, (
            f"{wiring}: no gradient reaches {name}. Its result is computed and then thrown away, as in the released source."
        )


def _as_the_library(student, layers, stack, wiring):
    net = NMPNet(Config(missing=wiring, missing_filters=4)).eval()
    for name, layer in layers.items():
        getattr(net, name).load_state_dict(layer.state_dict())
    net.stack = lambda features: stack
    with torch.no_grad():
        right = net.logits(None).contour
        found = student(layers.eval(), stack, wiring)[:, 0]
    error = float((found - right).abs().max())
    assert error < 1e-4, (
        f"{wiring}: your outputs differ from the library's by up to {error:.2g}. Every convolution but the last is "
        "followed by its normalisation and a ReLU; in parallel, the channels of the 3×39 layer come first."
    )


def _released_unaffected(student):
    net = released.load()
    layers = nn.ModuleDict({name: getattr(net, name) for name in NAMES[:3]}).eval()
    features = torch.rand(1, 12, 309, generator=torch.manual_seed(2))
    with torch.no_grad():
        error = float((student(layers, net.stack(features), "off")[:, 0] - net.logits(features).contour).abs().max())
    assert error < 1e-4, (
        f'With wiring "off" the released weights should give the same outputs as before. Yours differ by {error:.2g}.'
    )


### BEGIN HIDDEN
def hidden_contour_layers(student, solution):
    for wiring in WIRINGS:
        made, right = student(wiring, 7), solution(wiring, 7)
        shapes = [{name: tuple(w.shape) for name, w in layers.named_parameters()} for layers in (made, right)]
        assert shapes[0] == shapes[1], f"{wiring}, 7 filters: {shapes[0]} should be {shapes[1]}."


def hidden_contour_logits(student, solution):
    for wiring in WIRINGS:
        layers = _library(wiring, 5).eval()
        stack = torch.randn(3, 8, 4, 264, generator=torch.manual_seed(11))
        with torch.no_grad():
            error = float((student(layers, stack, wiring) - solution(layers, stack, wiring)).abs().max())
        assert error < 1e-4, f"{wiring}, 5 filters, 3 examples: outputs differ by up to {error:.2g}."


### END HIDDEN
