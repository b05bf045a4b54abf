"""Coding exercises of the chapter on cross-entropy.

To check your solution: answers.check("cross_entropy-code", weighted_cross_entropy).
"""

import numpy as np
import torch.nn.functional as F


def weighted_cross_entropy(logits, targets, weight):
    """The cross-entropy of each cell, with every positive counted `weight` times.

    logits: tensor of any finite numbers
    targets: tensor of the same shape, with values from 0 to 1
    weight: a number above 0

    Returns a tensor of the same shape: −w · y · log σ(z) − (1 − y) · log(1 − σ(z)).
    """
    ### BEGIN SOLUTION: both terms from the logits, never computing a probability
    yes = weight * targets * F.softplus(-logits)
    no = (1 - targets) * F.softplus(logits)
    return yes + no
    ### END SOLUTION


def plot_balancing_weight(axes, proportions, marked):
    """Draw the balancing weight against the proportion of positives, on two logarithmic axes with labels.

    axes: Matplotlib axes
    proportions: array of proportions between 0 and 1, in ascending order
    marked: one proportion, to be marked with a dot on the curve

    Returns the axes.
    """
    ### BEGIN SOLUTION: a line, a dot, two logarithmic scales, two labels
    proportions = np.asarray(proportions)
    axes.plot(proportions, (1 - proportions) / proportions)
    axes.plot([marked], [(1 - marked) / marked], "o")
    axes.set(xscale="log", yscale="log", xlabel="proportion of positives", ylabel="weight of a positive")
    return axes
    ### END SOLUTION
