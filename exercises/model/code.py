"""Coding exercises of the chapter on the model.

To check your solution: answers.check("model-layers", contour_layers).
"""

import torch
from torch import nn

HARMONICS, CHANNELS = 8, 8  # channels of the stack; filters of the 3×39 layer


def contour_layers(wiring, filters):
    """The layers between the harmonic stack and Yp, with the missing 5×5 layer wired as requested.

    wiring: "off", as released; "series", before the 3×39 layer; "parallel", beside it
    filters: the number of filters of the missing layer

    Returns an nn.ModuleDict with "contour" (3×39), "contour_norm", "contour_out" (5×5, one channel) and,
    unless wiring is "off", "missing" (5×5) and "missing_norm". No layer changes the number of frames or bins.
    """
    ### BEGIN SOLUTION: make the layers, each with the number of channels that it receives
    into_contour = filters if wiring == "series" else HARMONICS
    into_out = CHANNELS + filters if wiring == "parallel" else CHANNELS
    layers = nn.ModuleDict(
        {
            "contour": nn.Conv2d(into_contour, CHANNELS, (3, 39), padding=(1, 19)),
            "contour_norm": nn.BatchNorm2d(CHANNELS, eps=1e-3, momentum=0.01),
            "contour_out": nn.Conv2d(into_out, 1, (5, 5), padding=(2, 2)),
        }
    )
    if wiring != "off":
        layers["missing"] = nn.Conv2d(HARMONICS, filters, (5, 5), padding=(2, 2))
        layers["missing_norm"] = nn.BatchNorm2d(filters, eps=1e-3, momentum=0.01)
    return layers
    ### END SOLUTION


def contour_logits(layers, stack, wiring):
    """Yp before its sigmoid, as these layers compute it from the stack.

    layers: as `contour_layers` returns them
    stack: the harmonic stack, a tensor of shape (batch, 8, frames, 264)
    wiring: "off", "series" or "parallel"; in parallel, the channels of the 3×39 layer come first

    Returns a tensor of shape (batch, 1, frames, 264).
    """
    ### BEGIN SOLUTION: convolution, normalisation, ReLU; make sure that everything you compute is used
    seen = stack
    if wiring != "off":
        missing = layers["missing_norm"](layers["missing"](stack)).relu()
    if wiring == "series":
        seen = missing
    found = layers["contour_norm"](layers["contour"](seen)).relu()
    if wiring == "parallel":
        found = torch.cat([found, missing], dim=1)
    return layers["contour_out"](found)
    ### END SOLUTION
