"""Cross-entropy and its weights, against PyTorch's own and against the closed forms of the chapter."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, strategies as st

from nmp_lessons.cross_entropy import (
    Loss,
    balancing_weight,
    class_means,
    constant_descent,
    constant_loss,
    constant_pulls,
    cross_entropy,
    detector,
    focal,
    resting_output,
    smoothed,
    smoothing_floor,
    unweighted,
    weighted,
    weighted_optimum,
)
from nmp_lessons.errors import InputError
from nmp_lessons.model import Heads

shares = st.floats(0.001, 0.999)
weights = st.floats(0.01, 500)


def batch(seed=0):
    generator = torch.manual_seed(seed)
    logits = 5 * torch.randn(4, 50, 88, generator=generator, dtype=torch.float64)
    return logits, (torch.rand(4, 50, 88, generator=generator) < 0.05).double()


def test_cross_entropy_is_pytorchs():
    z, y = batch()
    expected = F.binary_cross_entropy_with_logits(z, y, reduction="none")
    assert torch.allclose(cross_entropy(z, y), expected, atol=1e-12)
    soft = smoothed(y, 0.3)
    expected = F.binary_cross_entropy_with_logits(z, soft, reduction="none")
    assert torch.allclose(cross_entropy(z, soft), expected, atol=1e-12)


def test_weighted_is_pytorchs_pos_weight():
    z, y = batch()
    expected = F.binary_cross_entropy_with_logits(z, y, reduction="none", pos_weight=torch.tensor(19.0))
    assert torch.allclose(weighted(z, y, 19.0), expected, atol=1e-10)


def test_focal_without_gamma_is_cross_entropy_and_with_it_lins():
    z, y = batch()
    assert torch.allclose(focal(z, y, gamma=0.0), cross_entropy(z, y))
    p_true = torch.where(y > 0, z.sigmoid(), 1 - z.sigmoid())
    assert torch.allclose(focal(z, y, gamma=2.0), -((1 - p_true) ** 2) * p_true.log(), atol=1e-9)


def test_the_gradient_is_p_minus_y():
    z, y = batch()
    z.requires_grad_()
    cross_entropy(z, y).sum().backward()
    assert torch.allclose(z.grad, z.detach().sigmoid() - y)
    small = torch.randn(6, dtype=torch.float64, requires_grad=True)
    target = torch.tensor([0.0, 1.0, 0.3, 0.9, 0.5, 0.0], dtype=torch.float64)
    for loss in (cross_entropy, lambda a, b: weighted(a, b, 3.0), focal, class_means):
        assert torch.autograd.gradcheck(lambda a, loss=loss: loss(a, target), small)


@pytest.mark.parametrize("loss", [cross_entropy, class_means, focal, lambda z, y: weighted(z, y, 19.0)])
def test_every_loss_and_gradient_is_finite_for_huge_logits_and_for_no_positives(loss):
    z = torch.tensor([-1e4, -90.0, 0.0, 90.0, 1e4], requires_grad=True)
    for y in (torch.zeros(5), torch.ones(5), torch.tensor([1.0, 0.0, 1.0, 0.0, 1.0])):
        value = loss(z, y).sum()
        (gradient,) = torch.autograd.grad(value, z)
        assert torch.isfinite(value) and torch.isfinite(gradient).all()


def test_class_means_do_not_care_how_many_negatives_there_are():
    z, y = torch.tensor([1.0, -2.0]), torch.tensor([1.0, 0.0])
    many = torch.cat([z[:1], z[1:].expand(999)]), torch.cat([y[:1], y[1:].expand(999)])
    assert torch.allclose(class_means(z, y), class_means(*many))
    expected = 0.95 * F.softplus(torch.tensor(-1.0)) + 0.05 * F.softplus(torch.tensor(-2.0))
    assert torch.allclose(class_means(z, y), expected)


def test_smoothing_leaves_the_classes_what_they_are():
    """As in the released source: mean over the positives against .9, mean over the negatives against .1."""
    z, y = batch()
    expected = [
        F.binary_cross_entropy_with_logits(z[y == true], torch.full_like(z[y == true], soft))
        for true, soft in ((1, 0.9), (0, 0.1))
    ]
    found = class_means(z, y, positive=0.95, smoothing=0.2)
    assert torch.allclose(found, 0.95 * expected[0] + 0.05 * expected[1])
    heads = Heads(z.new_zeros(4, 50, 264), z, z)
    parts = Loss("class_means", positive=0.95, smoothing=0.2).parts(heads, Heads(heads.contour, y, y))
    assert torch.allclose(parts[2], found)


def expected_loss(p, share, weight):
    z = torch.logit(torch.as_tensor(p, dtype=torch.float64))
    one, zero = torch.ones_like(z), torch.zeros_like(z)
    return share * weighted(z, one, weight) + (1 - share) * weighted(z, zero, weight)


@given(share=shares, weight=weights)
def test_the_weighted_optimum_is_the_minimum(share, weight):
    best = weighted_optimum(share, weight)
    nearby = np.clip(best + np.array([-1e-3, 0.0, 1e-3]), 1e-9, 1 - 1e-9)
    losses = expected_loss(nearby, share, weight)
    assert losses.argmin() == 1 or torch.allclose(losses, losses[1], rtol=1e-6)
    assert unweighted(best, weight) == pytest.approx(share, rel=1e-6)


@given(share=shares)
def test_the_balancing_weight_puts_the_best_constant_at_one_half(share):
    weight = balancing_weight(share)
    assert weighted_optimum(share, weight) == pytest.approx(0.5)
    assert share * weight == pytest.approx(1 - share)


def test_the_smoothing_floor_is_reached_by_the_smoothed_labels_themselves():
    y = torch.tensor([0.0, 1.0, 1.0, 0.0], dtype=torch.float64)
    soft = smoothed(y, 0.2)
    assert float(cross_entropy(torch.logit(soft), soft).mean()) == pytest.approx(smoothing_floor(0.2))
    assert smoothing_floor(0.2) == pytest.approx(0.3251, abs=5e-5)
    assert 3 * smoothing_floor(0.2) == pytest.approx(0.9752, abs=5e-5)
    assert smoothing_floor(0.0) == 0.0


@given(y=st.floats(0, 1), gamma=st.floats(0, 3))
def test_the_focal_loss_is_smallest_at_the_target(y, gamma):
    p = torch.linspace(0.001, 0.999, 999, dtype=torch.float64)
    losses = focal(torch.logit(p), torch.full_like(p, y), gamma=gamma)
    nearest = (p - y).abs().argmin()
    assert losses[nearest] <= losses.min() + 2e-3


@pytest.mark.parametrize("kind", ["plain", "weighted", "class_means", "focal"])
def test_the_networks_loss_is_the_weighted_sum_of_its_heads(kind):
    generator = torch.manual_seed(1)
    z = Heads(*(torch.randn(2, 9, bins, generator=generator) for bins in (264, 88, 88)))
    y = Heads(*((torch.rand(2, 9, bins, generator=generator) < 0.1).float() for bins in (264, 88, 88)))
    loss = Loss(kind, positive=0.9, heads=(1.0, 2.0, 4.0))
    parts = loss.parts(z, y)
    assert torch.allclose(loss(z, y), parts[0] + 2 * parts[1] + 4 * parts[2])
    without = loss(Heads(None, z.note, z.onset), y)
    assert torch.allclose(without, 2 * parts[1] + 4 * parts[2])


@pytest.mark.parametrize(
    "call",
    [
        lambda z: weighted(z, z, 0.0),
        lambda z: class_means(z, z, positive=1.5),
        lambda z: smoothed(z, 1.0),
        lambda z: focal(z, z, gamma=-1.0),
        lambda z: smoothing_floor(-0.1),
        lambda z: Loss("hinge"),
    ],
)
def test_impossible_settings_are_refused(call):
    with pytest.raises(InputError):
        call(torch.zeros(3))


# A logit that all cells share


@given(p=shares, proportion=shares, gamma=st.sampled_from([0.0, 0.5, 1.0, 2.0, 5.0]), smoothing=st.floats(0, 0.5))
def test_what_a_constant_costs_is_the_mean_loss_of_its_cells(p, proportion, gamma, smoothing):
    z = torch.logit(torch.tensor([p, p], dtype=torch.float64)).requires_grad_()
    y = smoothed(torch.tensor([1.0, 0.0], dtype=torch.float64), smoothing)
    each = focal(z, y, gamma=gamma) * torch.tensor([proportion, 1 - proportion], dtype=torch.float64)
    assert np.allclose(constant_loss(p, proportion, gamma=gamma, smoothing=smoothing), each.detach(), rtol=1e-9)
    if gamma == 0 or abs(p - smoothing / 2) > 1e-6 < abs(p - 1 + smoothing / 2):
        (slopes,) = torch.autograd.grad(each.sum(), z)
        up, down = constant_pulls(p, proportion, gamma=gamma, smoothing=smoothing)
        assert np.allclose([-up, down], slopes, rtol=1e-6, atol=1e-9)


@given(proportion=shares, weight=weights)
def test_a_shared_logit_rests_at_the_weighted_optimum(proportion, weight):
    assert np.isclose(resting_output(proportion, weight=weight), weighted_optimum(proportion, weight), rtol=1e-6)
    up, down = constant_pulls(weighted_optimum(proportion, weight), proportion, weight=weight)
    assert np.isclose(up, down)


@pytest.mark.parametrize("options", [{}, {"weight": 19.0}, {"gamma": 2.0}, {"smoothing": 0.2}])
def test_gradient_descent_comes_to_rest_where_the_pulls_are_equal(options):
    assert np.isclose(constant_descent(0.2, 2000, **options)[-1], resting_output(0.2, **options), atol=1e-3)


def test_a_detector_is_as_good_as_a_simulated_one():
    rng = np.random.default_rng(0)
    y = rng.random(400_000) < 0.1
    x = rng.standard_normal(len(y)) + 1.5 * y
    edge, recall, precision, f = detector(4.0, proportion=0.1, apart=1.5)
    odds = 4.0 * 0.1 / 0.9 * np.exp(1.5 * edge - 1.5**2 / 2)  # at the edge, both answers are equally likely
    assert np.isclose(odds, 1)
    assert np.isclose((x > edge)[y].mean(), recall, atol=0.01)
    assert np.isclose(y[x > edge].mean(), precision, atol=0.01)
    assert np.isclose(f, 2 * recall * precision / (recall + precision))
