"""`nmp_lessons.training.soap`: chapter training."""

import pytest
import torch

from nmp_lessons.errors import InputError
from nmp_lessons.training import SOAP
from nmp_lessons.training.soap import _nearer

SETTINGS = {"lr": 0.05, "betas": (0.9, 0.95), "weight_decay": 0.1}


def after(kind, shape, steps, **settings):
    """Weights after some steps on random gradients."""
    generator = torch.manual_seed(0)
    weights = torch.nn.Parameter(torch.randn(shape, generator=generator))
    optimiser = kind([weights], **SETTINGS | settings)
    for _ in range(steps):
        weights.grad = torch.randn(shape, generator=generator)
        optimiser.step()
    return weights.detach()


@pytest.mark.parametrize("shape, steps, every", [((7,), 30, 2), ((4, 3, 2, 5), 6, 7)])
def test_without_a_turn_it_is_adam(shape, steps, every):
    """Weights of one axis are never turned, others not before `every` steps."""
    turned = after(SOAP, shape, steps, every=every)
    assert torch.allclose(turned, after(torch.optim.AdamW, shape, steps), atol=1e-5)


def test_after_a_turn_it_is_not():
    assert (after(SOAP, (4, 3), 9, every=4) - after(torch.optim.AdamW, (4, 3), 9)).abs().max() > 1e-2


def test_the_basis_comes_to_hold_the_eigenvectors():
    generator = torch.manual_seed(0)
    root = torch.randn(6, 6, generator=generator, dtype=torch.float64)
    covariance, basis = root @ root.T, torch.eye(6, dtype=torch.float64)
    for _ in range(300):
        basis = _nearer(basis, covariance)
    inside = basis.T @ covariance @ basis
    assert torch.allclose(basis.T @ basis, torch.eye(6, dtype=torch.float64), atol=1e-12)
    values = torch.linalg.eigvalsh(covariance).flip(0)
    assert torch.allclose(inside, torch.diag(values), atol=1e-5 * float(values[0]))


def test_axes_without_a_gradient_stay():
    covariance = torch.zeros(4, 4)
    covariance[:2, :2] = torch.tensor([[2.0, 1.0], [1.0, 2.0]])
    basis = _nearer(torch.eye(4), covariance)
    assert torch.allclose(basis[2:, 2:].abs(), torch.eye(2), atol=1e-6) and basis[:2, 2:].abs().max() < 1e-5


def test_a_problem_turned_ends_no_farther_off():
    """A steep valley along the axes and askew, with the noise of batches: Adam minds, SOAP does not."""

    def left(kind, turn):
        generator = torch.manual_seed(1)
        weights = torch.nn.Parameter(turn @ torch.ones(6, 1))
        optimiser = kind([weights], lr=0.03, betas=(0.95, 0.95), weight_decay=0.0)
        for _ in range(200):
            examples = torch.randn(32, 6, generator=generator) * torch.logspace(0, 1.2, 6) @ turn.T
            weights.grad = examples.T @ (examples @ weights.detach()) / 32
            optimiser.step()
        return float(weights.detach().norm())

    askew = torch.linalg.qr(torch.randn(6, 6, generator=torch.manual_seed(2)))[0]
    assert left(SOAP, askew) < 2 * left(SOAP, torch.eye(6))
    assert left(torch.optim.AdamW, askew) > 2 * left(SOAP, askew)


def test_impossible_settings_are_refused():
    for wrong in ({"lr": -1.0}, {"betas": (0.9, 1.0)}, {"weight_decay": -0.1}, {"every": 0}):
        with pytest.raises(InputError, match="out of range"):
            SOAP([torch.nn.Parameter(torch.ones(2))], **wrong)
