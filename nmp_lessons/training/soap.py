"""SOAP: Adam, in axes in which the rows of a layer's gradient are uncorrelated in the sum over its columns.

Chapter ``training``. Adam divides each weight's step by the size that its own gradient usually has. That works well
if gradients vary along the axes of the weights, but those of a convolution vary along mixtures: of harmonics, of
neighbouring bins, of filters. SOAP follows the covariance of the gradient along each axis of a layer's weights,
turns to its eigenvectors, and lets Adam work there (eq-soap). Single entries are uncorrelated in these axes only if
the covariance of the whole gradient is a Kronecker product (eq-uncorrelated). The bases follow slowly, by one step
of orthogonal iteration every few training steps (eq-iteration), and the running squares are not recomputed when
they turn.

Source: Vyas, Morwani, Zhao, Kwun, Shapira, Brandfonbrener, Janson, Kakade, "SOAP: improving and stabilizing
Shampoo using Adam", ICLR 2025.
"""

from collections.abc import Callable, Iterable

import torch

from ..errors import InputError


class SOAP(torch.optim.Optimizer):
    """An optimiser for layers whose axes are short enough for a covariance of each.

    Parameters
    ----------
    parameters
        Weights of any shape. Those with a single axis (biases) are left to plain Adam.
    lr
        The learning rate.
    betas
        How much is kept in each step of the mean gradient, and of its squares and covariances.
    weight_decay
        The proportion of the weights, times `lr`, that is taken away in each step.
    every
        Number of steps from one update of the bases to the next.

    Examples
    --------
    Sixteen outputs are to follow sixteen inputs that are nearly alike, which makes a long valley across the axes.

    >>> generator = torch.manual_seed(0)
    >>> alike = torch.randn(16, 16, generator=generator) @ torch.diag(torch.logspace(0, -2, 16))
    >>> x = torch.randn(256, 16, generator=generator) @ alike @ torch.linalg.qr(torch.randn(16, 16))[0]
    >>> wanted = torch.randn(16, 16, generator=generator)
    >>> def left(kind, **settings):
    ...     weights = torch.nn.Parameter(torch.zeros(16, 16))
    ...     optimiser = kind([weights], lr=0.03, weight_decay=0.0, **settings)
    ...     for _ in range(300):
    ...         optimiser.zero_grad()
    ...         loss = (x @ (weights - wanted)).square().mean()
    ...         loss.backward()
    ...         optimiser.step()
    ...     return loss.item()
    >>> left(SOAP) < left(torch.optim.AdamW) / 2
    True
    """

    def __init__(
        self,
        parameters: Iterable[torch.nn.Parameter],
        lr: float = 3e-3,
        *,
        betas: tuple[float, float] = (0.95, 0.95),
        weight_decay: float = 0.01,
        every: int = 5,
    ):
        if not (lr >= 0 and all(0 <= beta < 1 for beta in betas) and weight_decay >= 0 and every >= 1):
            raise InputError(f"lr={lr}, betas={betas}, weight_decay={weight_decay}, every={every}: out of range.")
        super().__init__(parameters, {"lr": lr, "betas": betas, "weight_decay": weight_decay, "every": every})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:
        """One step for all weights that have a gradient."""
        loss = None if closure is None else torch.enable_grad()(closure)()
        for group in self.param_groups:
            for weights in group["params"]:
                if weights.grad is not None:
                    _step(weights, weights.grad, self.state[weights], group)
        return loss


def _step(weights: torch.Tensor, gradient: torch.Tensor, state: dict, group: dict):
    lr, betas = group["lr"], group["betas"]
    axes = range(gradient.ndim) if gradient.ndim > 1 else ()
    gradient = gradient.contiguous()
    if not state:
        state["step"] = torch.zeros(())
        state["mean"] = torch.zeros_like(gradient)
        state["square"] = torch.zeros_like(gradient)
        for axis in axes:
            state[f"basis{axis}"] = torch.eye(gradient.shape[axis]).to(gradient)
            state[f"covariance{axis}"] = torch.zeros_like(state[f"basis{axis}"])
    state["step"] += 1
    count = int(state["step"])
    bases = [state[f"basis{axis}"] for axis in axes]
    state["mean"].lerp_(gradient, 1 - betas[0])
    state["square"].lerp_(_turned(gradient, bases).square(), 1 - betas[1])
    mean = _turned(state["mean"], bases) / (1 - betas[0] ** count)
    spread = (state["square"] / (1 - betas[1] ** count)).sqrt() + 1e-8
    direction = _turned(mean / spread, [basis.T for basis in bases])
    weights.mul_(1 - lr * group["weight_decay"]).sub_(direction, alpha=lr)
    for axis in axes:
        covariance = state[f"covariance{axis}"]
        covariance.lerp_(_covariance(gradient, axis), 1 - betas[1])
        if count % group["every"] == 0:
            state[f"basis{axis}"] = _nearer(state[f"basis{axis}"], covariance)


def _covariance(gradient: torch.Tensor, axis: int) -> torch.Tensor:
    """Products of the entries at two places of one axis, summed over all others, (n, n)."""
    rows = gradient.movedim(axis, 0).flatten(1)
    return rows @ rows.T


def _turned(tensor: torch.Tensor, bases: list[torch.Tensor]) -> torch.Tensor:
    """The tensor with each axis in the coordinates of its basis, whose columns are the new axes."""
    for basis in bases:
        tensor = torch.tensordot(tensor, basis, dims=[[0], [0]])  # the first axis goes to the end
    return tensor


def _nearer(basis: torch.Tensor, covariance: torch.Tensor) -> torch.Tensor:
    """The basis one step of orthogonal iteration nearer to the eigenvectors of a covariance (eq-iteration).

    A little of the identity is added, so that axes stay as they are where there has been no gradient yet.
    """
    ridge = 1e-6 * covariance.trace() * torch.eye(len(covariance)).to(covariance)
    return torch.linalg.qr((covariance + ridge) @ basis)[0].contiguous()
