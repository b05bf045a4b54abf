"""What a solution must do. The messages are written for readers."""

import numpy as np
import torch
import torch.nn.functional as F

from nmp_lessons.errors import needs


def check_weighted_cross_entropy(student):
    _one_loss_for_each_cell(student)
    _undecided_cells(student)
    _as_pytorch(student)
    _soft_targets(student)
    _far_out(student)


def _answer(student, logits, targets, weight):
    found = student(logits, targets, weight)
    assert found is not None, "Your function returns nothing. Does it end in return?"
    assert isinstance(found, torch.Tensor), f"Return a tensor. Your function returns a {type(found).__name__}."
    return found


def _one_loss_for_each_cell(student):
    found = _answer(student, torch.zeros(2, 3), torch.zeros(2, 3), 5.0)
    assert found.shape == (2, 3), (
        f"Return one loss per cell, here with shape (2, 3). Yours has shape {tuple(found.shape)}. "
        "Don't take the mean; that is left to the caller."
    )


def _undecided_cells(student):
    found = _answer(student, torch.zeros(2), torch.tensor([1.0, 0.0]), 3.0) / np.log(2)
    yes, no = found.tolist()
    swapped = abs(yes - 1) < 1e-5 and abs(no - 3) < 1e-5
    assert not swapped, "You have weighted the negatives. The weight belongs to the positives."
    assert abs(no - 1) < 1e-5, (
        f"A negative with p = 1/2 costs log 2, whatever the weight. Yours costs {no:.3g} times that."
    )
    assert abs(yes - 3) < 1e-5, f"With weight 3, a positive with p = 1/2 costs 3 log 2. Yours costs {yes:.3g} log 2."


def _as_pytorch(student):
    generator = torch.manual_seed(0)
    z = 3 * torch.randn(200, generator=generator)
    y = (torch.rand(200, generator=generator) < 0.3).float()
    right = F.binary_cross_entropy_with_logits(z, y, reduction="none", pos_weight=torch.tensor(19.0))
    error = float((_answer(student, z, y, 19.0) - right).abs().max())
    assert error < 1e-3, f"On random cells your loss differs from PyTorch's (with pos_weight) by up to {error:.3g}."


def _soft_targets(student):
    found = float(_answer(student, torch.zeros(1), torch.tensor([0.5]), 3.0) / np.log(2))
    assert abs(found - 2) < 1e-5, (
        "A target of one half is half a positive and half a negative. With weight 3 and p = 1/2 it costs 2 log 2; "
        f"yours costs {found:.3g} log 2."
    )


def _far_out(student):
    for target in (0.0, 1.0):
        z = torch.tensor([-1e4, -100.0, -20.0, 20.0, 100.0, 1e4], requires_grad=True)
        loss = _answer(student, z, torch.full_like(z, target), 19.0)
        bad = z.detach()[~torch.isfinite(loss)].tolist()
        assert not bad, (
            f"The loss is NaN or infinite for logits of {bad}, where σ(z) is rounded to 0 or 1. Work with the logits."
        )
        (slope,) = torch.autograd.grad(loss.sum(), z)
        steep = z.detach()[~slope.isfinite()].tolist()
        assert not steep, f"The gradient is not finite for logits of {steep}."
        right, first = 19.0 * 1e4 if target else 0.0, loss[0].item()
        assert abs(first - right) < 1, (
            f"At z = −10,000 a target of {target:g} costs {right:,.0f}. Yours costs {first:,.0f}. "
            "Clamping the probability hides the worst mistakes."
        )


def check_plot_balancing_weight(student):
    needs("chapters", "matplotlib")
    from matplotlib.figure import Figure

    proportions = np.geomspace(0.001, 0.9, 60)
    for marked in (0.01, 0.2):
        axes = student(Figure().subplots(), proportions, marked)
        assert axes is not None, "Your function returns nothing. It should return the axes."
        _curve(axes, proportions)
        _dot(axes, marked)
        assert axes.get_xscale() == axes.get_yscale() == "log", "Make both axes logarithmic."
        assert axes.get_xlabel() and axes.get_ylabel(), "Label both axes."


def _drawn(axes):
    """The coordinates of every line and every scatter plot."""
    lines = [line.get_xydata() for line in axes.lines]
    return lines + [np.asarray(cloud.get_offsets()) for cloud in axes.collections]


def _curve(axes, proportions):
    curves = [points for points in _drawn(axes) if len(points) == len(proportions)]
    assert curves, f"Draw the curve: one line through all {len(proportions)} proportions."
    x, y = curves[0].T.astype(float)
    assert np.allclose(x, proportions), "The horizontal axis should show the proportions as they were given."
    if np.allclose(y, proportions / (1 - proportions)):
        raise AssertionError("Your curve is upside down. It shows the weight of a negative.")
    assert not np.allclose(y, 1 / proportions), "Close. Only the negatives pull down, not all cells."
    assert np.allclose(y, (1 - proportions) / proportions), (
        f"At a proportion of {proportions[0]:g} the weight is {(1 - proportions[0]) / proportions[0]:.0f}. Yours is {y[0]:.3g}."
    )


def _dot(axes, marked):
    dots = [points[0] for points in _drawn(axes) if len(points) == 1]
    assert dots, "Mark the given proportion with a dot on the curve."
    assert np.allclose(dots[0], [marked, (1 - marked) / marked]), (
        f"The dot belongs at ({marked:g}, {(1 - marked) / marked:g}). Yours is at ({dots[0][0]:g}, {dots[0][1]:g})."
    )


### BEGIN HIDDEN
def hidden_weighted_cross_entropy(student, solution):
    generator = torch.manual_seed(11)
    for weight in (0.5, 1.0, 300.0):
        z, y = 20 * torch.randn(50, generator=generator), torch.rand(50, generator=generator)
        error = float((student(z, y, weight) - solution(z, y, weight)).abs().max())
        assert error < 1e-3 * weight, (
            f"With soft targets and weight {weight:g}, your loss differs from ours by up to {error:.3g}."
        )


def hidden_plot_balancing_weight(student, solution):
    from matplotlib.figure import Figure

    proportions = np.geomspace(0.0005, 0.6, 45)
    axes = student(Figure().subplots(), proportions, 0.07)
    _curve(axes, proportions)
    _dot(axes, 0.07)


### END HIDDEN
