"""Cross-entropy: what the loss counts as a mistake, and how much each mistake weighs.

Chapter ``cross_entropy``. For a probability p = σ(z) and a target y the binary cross-entropy is
−y log p − (1 − y) log(1 − p). Onsets are rare, fewer than one cell in five hundred, so a network that always
says "no" is nearly right; weights, class means, label smoothing and the focal factor each change that.

Conventions: losses take logits z, not probabilities, because log σ(z) computed from z is exact where
log(σ(z)) has long become log 0. `logits` and `targets` are tensors of one shape; targets are from 0 to 1, soft
ones included; losses are returned element by element or as a scalar mean, as said.

Sources: Bittner et al., ICASSP 2022, and basic-pitch 0.4.0 (class means, smoothing); Lin et al., "Focal loss
for dense object detection", ICCV 2017; Li et al., "Generalized focal loss", NeurIPS 2020 (soft targets).
"""

from dataclasses import dataclass
from functools import reduce
from operator import add

import numpy as np
import torch
import torch.nn.functional as F

from .errors import InputError
from .model.network import Heads


def cross_entropy(logits: torch.Tensor, targets: torch.Tensor | float) -> torch.Tensor:
    """Binary cross-entropy, element by element: softplus(z) − y · z (eq-bce).

    It is finite for every finite z, and its gradient is σ(z) − y (eq-gradient).

    >>> cross_entropy(torch.tensor([0.0, 1000.0, -1000.0]), torch.tensor([1.0, 1.0, 1.0]))
    tensor([6.9315e-01, 0.0000e+00, 1.0000e+03])
    """
    return F.softplus(logits) - targets * logits


def weighted(logits: torch.Tensor, targets: torch.Tensor, weight: float) -> torch.Tensor:
    """Positives weigh `weight` times as much: −w · y log p − (1 − y) log(1 − p), element by element (eq-weighted).

    >>> weighted(torch.zeros(2), torch.tensor([1.0, 0.0]), 3.0) / np.log(2)
    tensor([3., 1.])
    """
    if not 0 < weight < np.inf:
        raise InputError(f"weight={weight}: give a number above 0.")
    return weight * targets * F.softplus(-logits) + (1 - targets) * F.softplus(logits)


def class_means(
    logits: torch.Tensor, targets: torch.Tensor, *, positive: float = 0.95, smoothing: float = 0.0
) -> torch.Tensor:
    """The mean over the positives times `positive`, plus the mean over the negatives times the rest (eq-means).

    A scalar. The paper's onset loss, with .95. A batch without a positive has no such mean; its part is then
    0, where the released source would return NaN. A soft target counts for both classes in its proportion.
    With `smoothing` the targets are 1 − ε / 2 for positives and ε / 2 for negatives, as released: who
    belongs to which class is decided before the labels are smoothed.

    >>> class_means(torch.zeros(4), torch.tensor([1.0, 0.0, 0.0, 0.0])) / np.log(2)
    tensor(1.)
    >>> class_means(torch.zeros(4), torch.zeros(4)) / np.log(2)
    tensor(0.0500)
    """
    if not 0 <= positive <= 1:
        raise InputError(f"positive={positive}: give the positives' share of the loss, from 0 to 1.")
    one, zero = smoothed(torch.tensor([1.0, 0.0]), smoothing).tolist()
    yes = _mean(cross_entropy(logits, one), targets)
    no = _mean(cross_entropy(logits, zero), 1 - targets)
    return positive * yes + (1 - positive) * no


def _mean(values: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """The weighted mean, 0 where there is no weight at all."""
    total = weights.sum()
    return (weights * values).sum() / torch.where(total > 0, total, torch.ones_like(total))


def smoothed(targets: torch.Tensor, smoothing: float = 0.2) -> torch.Tensor:
    """Label smoothing: y becomes (1 − ε) · y + ε / 2 (eq-smoothing).

    >>> smoothed(torch.tensor([0.0, 1.0]))
    tensor([0.1000, 0.9000])
    """
    if not 0 <= smoothing < 1:
        raise InputError(f"smoothing={smoothing}: give a number from 0 to below 1.")
    return (1 - smoothing) * targets + smoothing / 2


def focal(logits: torch.Tensor, targets: torch.Tensor, *, gamma: float = 2.0) -> torch.Tensor:
    """Focal loss: the cross-entropy times ``|y − p|^γ``, element by element (eq-focal).

    What is nearly right already counts for little. For targets of 0 and 1 this is Lin et al.'s
    (1 − p_t)^γ; for soft targets it is its continuation, still smallest at p = y.

    >>> focal(torch.tensor([0.0]), torch.tensor([1.0]), gamma=2.0) / np.log(2)
    tensor([0.2500])
    """
    if not 0 <= gamma < np.inf:
        raise InputError(f"gamma={gamma}: give 0 or more.")
    return (targets - logits.sigmoid()).abs() ** gamma * cross_entropy(logits, targets)


# Closed forms: what the losses lead to


def weighted_optimum(share: float, weight: float) -> float:
    """The p that minimises the weighted loss when positives come with probability `share` (eq-optimum).

    >>> round(weighted_optimum(0.01, 99.0), 3)
    0.5
    """
    return weight * share / (weight * share + 1 - share)


def unweighted(probability: float, weight: float) -> float:
    """The share that a network trained with `weight` means by its `probability`: the optimum undone (eq-undo).

    >>> round(unweighted(weighted_optimum(0.2, 7.0), 7.0), 6)
    0.2
    """
    return probability / (probability + weight * (1 - probability))


def balancing_weight(share: float) -> float:
    """The weight (1 − π) / π with which positives and negatives weigh equally in all (eq-vote).

    >>> balancing_weight(0.2)
    4.0
    """
    return (1 - share) / share


def smoothing_floor(smoothing: float = 0.2) -> float:
    """The least mean cross-entropy, in nats, that smoothed labels allow: the entropy of ε / 2 (eq-floor).

    >>> round(smoothing_floor(), 4)
    0.3251
    """
    if not 0 <= smoothing < 1:
        raise InputError(f"smoothing={smoothing}: give a number from 0 to below 1.")
    p = np.array([smoothing / 2, 1 - smoothing / 2])
    return float(-(p[p > 0] * np.log(p[p > 0])).sum())


# The loss of the whole network


@dataclass(frozen=True)
class Loss:
    """The loss of the three heads, as a value; a training record can hold it.

    Parameters
    ----------
    kind
        "plain", "weighted" (`positive` is the weight of a positive), "class_means" (on Yo only, as in the
        paper; `positive` is its share), or "focal".
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
        """The weighted sum over the heads, a scalar; a head that the network lacks counts nothing."""
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


ONSET = 2  # the place of Yo among the heads


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
