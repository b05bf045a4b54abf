"""Cross-entropy: what counts as a mistake, and how much each mistake weighs.

Chapter ``cross_entropy``. For a probability p = σ(z) and a target y the binary cross-entropy is
−y log p − (1 − y) log(1 − p). Onsets are rare, fewer than one cell in five hundred, so a network that always
says "no" is right almost everywhere. Weights, class means, label smoothing and the focal factor are ways to
change what such a network has to gain.

Conventions: losses take logits z, not probabilities, because log σ(z) can still be computed from z where σ(z)
has been rounded to 0. `logits` and `targets` are tensors of the same shape; targets lie between 0 and 1 and may be
soft. Each docstring says whether a loss is returned per element or as a scalar mean.

Sources: Bittner et al., ICASSP 2022, and basic-pitch 0.4.0 (class means, smoothing); Lin et al., "Focal loss
for dense object detection", ICCV 2017; Li et al., "Generalized focal loss", NeurIPS 2020 (soft targets).
"""

from dataclasses import dataclass
from functools import reduce
from operator import add

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import ArrayLike

from .errors import InputError
from .model.network import Heads


def cross_entropy(logits: torch.Tensor, targets: torch.Tensor | float) -> torch.Tensor:
    """Binary cross-entropy per element, in nats: softplus(z) − y · z (eq-bce).

    It is finite for every finite z, and its gradient is σ(z) − y (eq-gradient).

    >>> cross_entropy(torch.tensor([0.0, 1000.0, -1000.0]), torch.tensor([1.0, 1.0, 1.0]))
    tensor([6.9315e-01, 0.0000e+00, 1.0000e+03])
    """
    return F.softplus(logits) - targets * logits


def weighted(logits: torch.Tensor, targets: torch.Tensor, weight: float) -> torch.Tensor:
    """Cross-entropy per element, with positives counted `weight` times (eq-weighted).

    −w · y log p − (1 − y) log(1 − p). Raises `InputError` unless `weight` is a finite number above 0.

    >>> weighted(torch.zeros(2), torch.tensor([1.0, 0.0]), 3.0) / np.log(2)
    tensor([3., 1.])
    """
    if not 0 < weight < np.inf:
        raise InputError(f"weight={weight}: give a finite number above 0.")
    return weight * targets * F.softplus(-logits) + (1 - targets) * F.softplus(logits)


def class_means(
    logits: torch.Tensor, targets: torch.Tensor, *, positive: float = 0.95, smoothing: float = 0.0
) -> torch.Tensor:
    """`positive` times the mean loss of the positives, plus 1 − `positive` times that of the negatives (eq-means).

    Returns a scalar. With 0.95 it is the paper's onset loss. A batch without positives has no mean over them;
    that part then counts as 0, where the released source would return NaN. A soft target belongs to both classes,
    in proportion. With `smoothing` the targets become 1 − ε / 2 for positives and ε / 2 for negatives, as in the
    released source: the class of a cell is decided before its label is smoothed. Raises `InputError` unless
    `positive` lies between 0 and 1.

    >>> class_means(torch.zeros(4), torch.tensor([1.0, 0.0, 0.0, 0.0])) / np.log(2)
    tensor(1.)
    >>> class_means(torch.zeros(4), torch.zeros(4)) / np.log(2)
    tensor(0.0500)
    """
    if not 0 <= positive <= 1:
        raise InputError(f"positive={positive}: give the weight of the positives' mean, from 0 to 1.")
    one, zero = smoothed(torch.tensor([1.0, 0.0]), smoothing).tolist()
    yes = _mean(cross_entropy(logits, one), targets)
    no = _mean(cross_entropy(logits, zero), 1 - targets)
    return positive * yes + (1 - positive) * no


def _mean(values: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """The weighted mean, or 0 if all weights are 0."""
    total = weights.sum()
    return (weights * values).sum() / torch.where(total > 0, total, torch.ones_like(total))


def smoothed(targets: torch.Tensor, smoothing: float = 0.2) -> torch.Tensor:
    """Label smoothing: y becomes (1 − ε) · y + ε / 2 (eq-smoothing).

    >>> smoothed(torch.tensor([0.0, 1.0]))
    tensor([0.1000, 0.9000])
    """
    if not 0 <= smoothing < 1:
        raise InputError(f"smoothing={smoothing}: give a number from 0 up to, but below, 1.")
    return (1 - smoothing) * targets + smoothing / 2


def focal(logits: torch.Tensor, targets: torch.Tensor, *, gamma: float = 2.0) -> torch.Tensor:
    """Focal loss per element: the cross-entropy times ``|y − p|^γ`` (eq-focal).

    Cells that are already nearly right count for little. For targets of 0 and 1 the factor is Lin et al.'s
    (1 − p_t)^γ; for soft targets it is Li et al.'s extension, whose minimum is at p = y. Raises `InputError`
    unless `gamma` is finite and not negative.

    >>> focal(torch.tensor([0.0]), torch.tensor([1.0]), gamma=2.0) / np.log(2)
    tensor([0.2500])
    """
    if not 0 <= gamma < np.inf:
        raise InputError(f"gamma={gamma}: give a finite number, 0 or more.")
    return (targets - logits.sigmoid()).abs() ** gamma * cross_entropy(logits, targets)


# Closed forms of where the losses have their minima


def weighted_optimum(proportion: float, weight: float) -> float:
    """The output p that minimises the weighted loss if a `proportion` of the cells is positive (eq-optimum).

    >>> round(weighted_optimum(0.01, 99.0), 3)
    0.5
    """
    return weight * proportion / (weight * proportion + 1 - proportion)


def unweighted(probability: float, weight: float) -> float:
    """The proportion of positives that `probability` stands for, from a network trained with `weight` (eq-undo).

    The inverse of `weighted_optimum`.

    >>> round(unweighted(weighted_optimum(0.2, 7.0), 7.0), 6)
    0.2
    """
    return probability / (probability + weight * (1 - probability))


def balancing_weight(proportion: float) -> float:
    """The weight (1 − π) / π with which a proportion π of positives weighs as much as all negatives (eq-vote).

    >>> balancing_weight(0.2)
    4.0
    """
    return (1 - proportion) / proportion


def smoothing_floor(smoothing: float = 0.2) -> float:
    """The lowest mean cross-entropy, in nats, that smoothed labels of 0 and 1 allow: the entropy of ε / 2 (eq-floor).

    >>> round(smoothing_floor(), 4)
    0.3251
    """
    if not 0 <= smoothing < 1:
        raise InputError(f"smoothing={smoothing}: give a number from 0 up to, but below, 1.")
    p = np.array([smoothing / 2, 1 - smoothing / 2])
    return float(-(p[p > 0] * np.log(p[p > 0])).sum())


# Cells that share one logit


def constant_loss(
    p: ArrayLike, proportion: float, *, weight: float = 1.0, gamma: float = 0.0, smoothing: float = 0.0
) -> tuple[np.ndarray, np.ndarray]:
    """What the constant output p costs per cell, in nats: the positives' part and the negatives' part.

    The loss of a cell is ``|ỹ − p|^γ (−w ỹ log p − (1 − ỹ) log(1 − p))``, with ỹ for its smoothed label: `weighted` if
    γ is 0, `focal` if w is 1.

    Parameters
    ----------
    p
        Between 0 and 1, both excluded; any shape, which both results have.
    proportion
        Of positives among the cells.
    weight, gamma, smoothing
        w, γ and ε.

    Examples
    --------
    Eight negatives and two positives, undecided: each costs log 2.

    >>> [round(float(part / np.log(2)), 3) for part in constant_loss(0.5, 0.2)]
    [0.2, 0.8]
    """
    p = np.asarray(p, dtype=float)
    return (
        proportion * _cost(p, 1 - smoothing / 2, weight, gamma),
        (1 - proportion) * _cost(p, smoothing / 2, weight, gamma),
    )


def constant_pulls(
    p: ArrayLike, proportion: float, *, weight: float = 1.0, gamma: float = 0.0, smoothing: float = 0.0
) -> tuple[np.ndarray, np.ndarray]:
    """How hard the positives pull a shared logit up and the negatives pull it down, per cell (eq-pull).

    They are the derivatives of `constant_loss` with respect to the logit, the first with its sign changed.

    >>> [round(10 * float(pull), 3) for pull in constant_pulls(0.5, 0.2)]  # ten cells
    [1.0, 4.0]
    >>> [round(10 * float(pull), 3) for pull in constant_pulls(0.5, 0.2, weight=4)]
    [4.0, 4.0]
    """
    p = np.asarray(p, dtype=float)
    return (
        -proportion * _slope(p, 1 - smoothing / 2, weight, gamma),
        (1 - proportion) * _slope(p, smoothing / 2, weight, gamma),
    )


def constant_descent(
    proportion: float,
    steps: int,
    *,
    rate: float = 1.0,
    start: float = 0.5,
    weight: float = 1.0,
    gamma: float = 0.0,
    smoothing: float = 0.0,
) -> np.ndarray:
    """Gradient descent on a shared logit: the output p before the first step and after each, shape (steps + 1,).

    >>> constant_descent(0.2, 400)[[0, 1, -1]].round(3).tolist()
    [0.5, 0.426, 0.2]
    """
    z = np.log(start / (1 - start))
    outputs = [start]
    for _ in range(steps):
        up, down = constant_pulls(outputs[-1], proportion, weight=weight, gamma=gamma, smoothing=smoothing)
        z += rate * (up - down)
        outputs.append(1 / (1 + np.exp(-z)))
    return np.array(outputs)


def resting_output(proportion: float, *, weight: float = 1.0, gamma: float = 0.0, smoothing: float = 0.0) -> float:
    """The constant output at which both sides pull equally hard, found by halving an interval of logits.

    With γ = 0 and ε = 0 it is `weighted_optimum`.

    >>> round(resting_output(0.2), 4), round(resting_output(0.2, gamma=1.0), 2)
    (0.2, 0.31)
    """
    low, high = -30.0, 30.0
    for _ in range(60):
        middle = (low + high) / 2
        up, down = constant_pulls(
            1 / (1 + np.exp(-middle)), proportion, weight=weight, gamma=gamma, smoothing=smoothing
        )
        low, high = (middle, high) if up > down else (low, middle)
    return float(1 / (1 + np.exp(-(low + high) / 2)))


def _cost(p: np.ndarray, y: float, weight: float, gamma: float) -> np.ndarray:
    """The loss of one cell with the label y."""
    return np.abs(y - p) ** gamma * -(weight * y * np.log(p) + (1 - y) * np.log1p(-p))


def _slope(p: np.ndarray, y: float, weight: float, gamma: float) -> np.ndarray:
    """Its derivative with respect to the logit; of a product, with p (1 − p) for the derivative of p."""
    error = np.abs(y - p)
    plain = weight * y * (p - 1) + (1 - y) * p
    factor = np.where(error > 0, error, 1.0) ** (gamma - 1) * np.sign(p - y)
    return error**gamma * plain + gamma * factor * p * (1 - p) * _cost(p, y, weight, 0.0)


def detector(weight: ArrayLike, *, proportion: float, apart: float) -> tuple[np.ndarray, ...]:
    """The best detector of a number x at the threshold one half, trained with a weight.

    x is normally distributed with variance 1, around 0 for negatives and around `apart` for positives.

    Returns
    -------
    edge, recall, precision, f
        The detector says yes where x is above `edge`; each has the shape of `weight`.

    Examples
    --------
    >>> [round(float(one), 2) for one in detector(99.0, proportion=0.01, apart=2.0)]
    [1.0, 0.84, 0.05, 0.1]
    """
    edge = apart / 2 - np.log(np.asarray(weight) * proportion / (1 - proportion)) / apart
    recall = _below(apart - edge)
    false = (1 - proportion) * _below(-edge)
    precision = proportion * recall / (proportion * recall + false)
    return edge, recall, precision, 2 * precision * recall / (precision + recall)


def _below(x: np.ndarray) -> np.ndarray:
    """The probability that a standard normal variable is below x."""
    return torch.special.log_ndtr(torch.as_tensor(x, dtype=torch.float64)).exp().numpy()  # exact far out, too


# The loss of the whole network


@dataclass(frozen=True)
class Loss:
    """The loss of the three heads, as a value that a training record can store.

    Parameters
    ----------
    kind
        "plain", "weighted" (on Yo only; `positive` is the weight of a positive), "class_means" (on Yo only, as in
        the paper; `positive` is the weight of the positives' mean), or "focal".
    positive
        See `kind`.
    smoothing
        ε of the label smoothing on all heads.
    gamma
        γ of the focal factor for (Yp, Yn, Yo).
    heads
        How much each head weighs: (Yp, Yn, Yo).

    Examples
    --------
    >>> zeros = Heads(torch.zeros(1, 2, 264), torch.zeros(1, 2, 88), torch.zeros(1, 2, 88))
    >>> round(float(Loss()(zeros, zeros) / np.log(2)), 4)
    3.0
    """

    kind: str = "plain"
    positive: float = 1.0
    smoothing: float = 0.0
    gamma: tuple[float, float, float] = (2.0, 2.0, 1.0)
    heads: tuple[float, float, float] = (1.0, 1.0, 1.0)

    def __post_init__(self):
        if self.kind not in KINDS:
            raise InputError(f"kind={self.kind!r}: choose one of {', '.join(KINDS)}.")
        object.__setattr__(self, "gamma", tuple(self.gamma))
        object.__setattr__(self, "heads", tuple(self.heads))

    def __call__(self, logits: Heads, targets: Heads) -> torch.Tensor:
        """The weighted sum over the heads, a scalar; a head that the network lacks adds nothing."""
        return self.total(self.parts(logits, targets))

    def parts(self, logits: Heads, targets: Heads) -> list[torch.Tensor | None]:
        """The loss of each head, before it is weighted."""
        return [
            None if z is None or y is None else KINDS[self.kind](self, z, y, head)
            for head, (z, y) in enumerate(zip(logits, targets, strict=True))
        ]

    def total(self, parts: list[torch.Tensor | None]) -> torch.Tensor:
        """The weighted sum of the heads' losses, a scalar."""
        return reduce(add, [weight * part for weight, part in zip(self.heads, parts, strict=True) if part is not None])


ONSET = 2  # index of Yo among the heads


def _plain(loss: Loss, z: torch.Tensor, y: torch.Tensor, head: int) -> torch.Tensor:
    return cross_entropy(z, smoothed(y, loss.smoothing)).mean()


def _weighted(loss: Loss, z: torch.Tensor, y: torch.Tensor, head: int) -> torch.Tensor:
    if head != ONSET:
        return _plain(loss, z, y, head)
    return weighted(z, smoothed(y, loss.smoothing), loss.positive).mean()


def _class_means(loss: Loss, z: torch.Tensor, y: torch.Tensor, head: int) -> torch.Tensor:
    if head != ONSET:
        return _plain(loss, z, y, head)
    return class_means(z, y, positive=loss.positive, smoothing=loss.smoothing)


def _focal(loss: Loss, z: torch.Tensor, y: torch.Tensor, head: int) -> torch.Tensor:
    return focal(z, smoothed(y, loss.smoothing), gamma=loss.gamma[head]).mean()


KINDS = {"plain": _plain, "weighted": _weighted, "class_means": _class_means, "focal": _focal}
