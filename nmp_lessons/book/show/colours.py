"""The book's colours: five that always mean the same thing, and one map for values from 0 to 1."""

from functools import cache

import numpy as np

# From the Okabe-Ito palette, which stays apart for colour-blind eyes. The style sheet of the bundle holds
# the same names, lighter on dark pages.
COLOURS = {
    "reference": "#0072B2",
    "prediction": "#E69F00",
    "hit": "#009E73",
    "miss": "#D55E00",
    "extra": "#CC79A7",
}


@cache
def ink() -> np.ndarray:
    """The colour map: 256 steps from white paper to dark ink, evenly spaced in lightness (CIE L*).

    Returns
    -------
    np.ndarray, shape (256, 3), uint8
        sRGB. White at 0 lets a picture blend into the page.
    """
    step = np.linspace(0, 1, 256)
    lightness = 100 - 88 * step
    bow = np.sin(np.pi * step)  # a touch of blue in the middle, none at the ends
    return _srgb(np.stack([lightness, -5 * bow, -16 * bow - 4 * step], axis=-1))


def _srgb(lab: np.ndarray) -> np.ndarray:
    """CIE L*a*b* (white D65) to sRGB bytes, IEC 61966-2-1."""
    lightness, a, b = np.moveaxis(lab, -1, 0)
    y = (lightness + 16) / 116
    f = np.stack([y + a / 500, y, y - b / 200], axis=-1)
    xyz = np.where(f > 6 / 29, f**3, 3 * (6 / 29) ** 2 * (f - 4 / 29)) * [0.95047, 1.0, 1.08883]
    linear = xyz @ np.array([[3.2406, -0.9689, 0.0557], [-1.5372, 1.8758, -0.2040], [-0.4986, 0.0415, 1.0570]])
    linear = linear.clip(0, 1)
    encoded = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return np.round(255 * encoded).astype(np.uint8)
