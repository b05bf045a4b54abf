"""The twins of the network's layers: what the page computes of the chapter `model` is what Python computes."""

import numpy as np
import pytest
import torch

from nmp_lessons.constants import NMP
from nmp_lessons.model import Config, NMPNet, receptive_field, released
from nmp_lessons.model.network import folded, probabilities
from tests.helpers import Agreement


@pytest.mark.parametrize("padding", ["released", "centred"])
@pytest.mark.parametrize("stacking", [True, False])
def test_twins_of_receptive_fields(twins, stacking, padding):
    """Python follows a gradient back, the page counts."""
    net = NMPNet(Config(stacking=stacking, padding=padding))
    places = {"contour": (0, 108, 263), "note": (0, 36, 87), "onset": (0, 1, 36, 87)}
    outputs = [(head, at) for head, several in places.items() for at in several]
    found = twins([["model.receptiveField", [*output, stacking, padding == "centred"]] for output in outputs])
    for (head, at), got in zip(outputs, found, strict=True):
        expected = receptive_field(net, head, at=at)
        assert (got["frames"], got["bins"]) == (expected.frames, expected.bins.tolist()), (head, at)


def test_twin_of_a_convolution(twins):
    equal = Agreement(twins, "model", atol=1e-9)
    rng = np.random.default_rng(0)
    for shape in ((3, 3), (1, 5), (5, 1)):
        picture, kernel = rng.standard_normal((7, 9)), rng.standard_normal(shape)
        tensors = [torch.tensor(each)[None, None] for each in (picture, kernel)]
        expected = (torch.nn.functional.conv2d(*tensors, padding="same") - 0.3).relu()[0, 0].numpy()
        equal("convolved", [picture, kernel, -0.3], expected)
    equal.check()


@pytest.mark.parametrize(
    "removed", [[], [(7, 1, 19), (7, 1, 20), (0, 3, 5)], [(7, h, j) for h in range(8) for j in range(39)]]
)
def test_twin_of_the_released_network_without_some_weights(twins, removed):
    net = released.load()
    kernels = {
        name: getattr(net, name) for name in ("contour", "contour_out", "note", "note_out", "onset", "onset_out")
    }
    norms = {"contour": net.contour_norm, "onset": net.onset_norm}
    norm = net.input_norm
    scale = norm.weight / (norm.running_var + norm.eps).sqrt()
    features = torch.rand(1, 6 + 2 * net.context, NMP.cqt_bins, generator=torch.manual_seed(0))
    low, high = 12, 76  # the widest range that the page can take
    with torch.inference_mode():
        weights = {"scale": float(scale), "shift": float(norm.bias - norm.running_mean * scale), "layers": {}}
        for name, layer in kernels.items():
            weight, bias = folded(layer, norms[name]) if name in norms else (layer.weight, layer.bias)
            shape = list(weight.shape)
            weights["layers"][name] = {"shape": shape, "weights": weight.flatten().tolist(), "bias": bias.tolist()}
        for filter_, harmonic, bin_ in removed:
            net.contour.weight[filter_, harmonic, :, bin_] = 0
        expected = probabilities(net.logits(features, inner=True))
        filters = net.contour_norm(net.contour(net.stack(features))).relu()[0, :, net.context : -net.context]
    (found,) = twins([["model.opened", [features.flatten().tolist(), weights, [low, high], removed]]])
    for name, values in {"filters": filters, **expected._asdict()}.items():
        each = values.shape[-1] // NMP.keys  # bins a key
        shown = values[..., each * low : each * high].numpy()
        assert np.abs(np.reshape(found[name], shown.shape) - shown).max() < 1e-4, name
