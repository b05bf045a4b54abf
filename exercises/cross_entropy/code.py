"""Coding exercises of the chapter on cross-entropy.

Try yours: answers.check("cross_entropy-code", weighted_cross_entropy).
"""

import numpy as np
import torch.nn.functional as F


def weighted_cross_entropy(logits, targets, weight):
    """The cross-entropy in which a positive counts `weight` times, for each cell.

    logits: tensor, any numbers
    targets: tensor of the same shape, from 0 to 1
    weight: a positive number

    Returns a tensor of the same shape: −w · y · log σ(z) − (1 − y) · log(1 − σ(z)).
    """
    ### BEGIN SOLUTION: both terms from the logits, without making a probability
    yes = weight * targets * F.softplus(-logits)
    no = (1 - targets) * F.softplus(logits)
    return yes + no
    ### END SOLUTION


def plot_equal_vote(axes, shares, marked):
    """Draw the equal-vote weight against the share of positives, on two logarithmic axes with labels.

    axes: Matplotlib axes
    shares: array of shares, ascending, between 0 and 1
    marked: one share, to be marked by a dot on the curve

    Returns the axes.
    """
    ### BEGIN SOLUTION: a line, a dot, two logarithmic scales, two labels
    shares = np.asarray(shares)
    axes.plot(shares, (1 - shares) / shares)
    axes.plot([marked], [(1 - marked) / marked], "o")
    axes.set(xscale="log", yscale="log", xlabel="share of positives", ylabel="weight of a positive")
    return axes
    ### END SOLUTION
