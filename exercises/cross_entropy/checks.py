"""What a solution must do; the messages are for the reader."""

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
    assert isinstance(found, torch.Tensor), f"Return a tensor; yours is a {type(found).__name__}."
    return found


def _one_loss_for_each_cell(student):
    found = _answer(student, torch.zeros(2, 3), torch.zeros(2, 3), 5.0)
    assert found.shape == (2, 3), (
        f"Give one loss for each cell, here of shape (2, 3); yours is {tuple(found.shape)}. "
        "Leave the mean to the caller."
    )


def _undecided_cells(student):
    found = _answer(student, torch.zeros(2), torch.tensor([1.0, 0.0]), 3.0) / np.log(2)
    yes, no = found.tolist()
    swapped = abs(yes - 1) < 1e-5 and abs(no - 3) < 1e-5
    assert not swapped, "You have weighted the negatives. It is the positives."
    assert abs(no - 1) < 1e-5, (
        f"A negative answered by one half costs log 2, whatever the weight; yours {no:.3g} times that."
    )
    assert abs(yes - 3) < 1e-5, (
        f"With weight 3 a positive answered by one half costs 3 log 2; yours costs {yes:.3g} log 2."
    )


def _as_pytorch(student):
    generator = torch.manual_seed(0)
    z = 3 * torch.randn(200, generator=generator)
    y = (torch.rand(200, generator=generator) < 0.3).float()
    right = F.binary_cross_entropy_with_logits(z, y, reduction="none", pos_weight=torch.tensor(19.0))
    error = float((_answer(student, z, y, 19.0) - right).abs().max())
    assert error < 1e-3, f"On random cells you differ from PyTorch's pos_weight by up to {error:.3g}."


def _soft_targets(student):
    found = float(_answer(student, torch.zeros(1), torch.tensor([0.5]), 3.0) / np.log(2))
    assert abs(found - 2) < 1e-5, (
        "A target of one half is half a positive and half a negative: with weight 3 it costs 2 log 2; "
        f"yours {found:.3g} log 2."
    )


def _far_out(student):
    for target in (0.0, 1.0):
        z = torch.tensor([-1e4, -100.0, -20.0, 20.0, 100.0, 1e4], requires_grad=True)
        loss = _answer(student, z, torch.full_like(z, target), 19.0)
        bad = z.detach()[~torch.isfinite(loss)].tolist()
        assert not bad, (
            f"The loss is NaN or infinite for logits of {bad}: σ(z) is rounded to 0 or 1 there. Stay with the logits."
        )
        (slope,) = torch.autograd.grad(loss.sum(), z)
        steep = z.detach()[~slope.isfinite()].tolist()
        assert not steep, f"The gradient is not finite for logits of {steep}."
        right, first = 19.0 * 1e4 if target else 0.0, loss[0].item()
        assert abs(first - right) < 1, (
            f"At z = −10,000 a target of {target:g} costs {right:,.0f}; yours {first:,.0f}. "
            "A clamped probability hides the worst mistakes."
        )


def check_plot_equal_vote(student):
    needs("chapters", "matplotlib")
    from matplotlib.figure import Figure

    shares = np.geomspace(0.001, 0.9, 60)
    for marked in (0.01, 0.2):
        axes = student(Figure().subplots(), shares, marked)
        assert axes is not None, "Your function returns nothing. Return the axes."
        _curve(axes, shares)
        _dot(axes, marked)
        assert axes.get_xscale() == axes.get_yscale() == "log", "Make both axes logarithmic."
        assert axes.get_xlabel() and axes.get_ylabel(), "Say on both axes what they show."


def _drawn(axes):
    """x and y of every line and of every cloud of dots."""
    lines = [line.get_xydata() for line in axes.lines]
    return lines + [np.asarray(cloud.get_offsets()) for cloud in axes.collections]


def _curve(axes, shares):
    curves = [points for points in _drawn(axes) if len(points) == len(shares)]
    assert curves, f"Draw the curve: a line through all {len(shares)} shares."
    x, y = curves[0].T.astype(float)
    assert np.allclose(x, shares), "The horizontal axis is the share of positives, as it was given."
    if np.allclose(y, shares / (1 - shares)):
        raise AssertionError("Your curve is upside down: that is the weight of a negative.")
    assert not np.allclose(y, 1 / shares), "Nearly. Those who push down are the negatives, not all cells."
    assert np.allclose(y, (1 - shares) / shares), (
        f"At a share of {shares[0]:g} the weight is {(1 - shares[0]) / shares[0]:.0f}; yours is {y[0]:.3g}."
    )


def _dot(axes, marked):
    dots = [points[0] for points in _drawn(axes) if len(points) == 1]
    assert dots, "Mark the share with a dot on the curve."
    assert np.allclose(dots[0], [marked, (1 - marked) / marked]), (
        f"The dot belongs at ({marked:g}, {(1 - marked) / marked:g}); yours is at ({dots[0][0]:g}, {dots[0][1]:g})."
    )


### BEGIN HIDDEN
def hidden_weighted_cross_entropy(student, solution):
    generator = torch.manual_seed(11)
    for weight in (0.5, 1.0, 300.0):
        z, y = 20 * torch.randn(50, generator=generator), torch.rand(50, generator=generator)
        error = float((student(z, y, weight) - solution(z, y, weight)).abs().max())
        assert error < 1e-3 * weight, f"Soft targets with weight {weight:g}: yours differs by up to {error:.3g}."


def hidden_plot_equal_vote(student, solution):
    from matplotlib.figure import Figure

    shares = np.geomspace(0.0005, 0.6, 45)
    axes = student(Figure().subplots(), shares, 0.07)
    _curve(axes, shares)
    _dot(axes, 0.07)


### END HIDDEN
