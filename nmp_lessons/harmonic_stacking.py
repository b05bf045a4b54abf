"""Harmonic stacking: shift a note's partials to one bin, so that a small kernel sees the whole note.

Chapter ``harmonic_stacking``. On a logarithmic frequency axis the h-th partial of every note lies the same
number of bins above it: s_h = B · log2(h). Shift the transform down by s_h, once for each harmonic, and stack
the copies as channels: bin k of channel h then contains the level at h · f_k.

Conventions: input is (batch, frames, bins); output (batch, harmonics, frames, bins); shifts are in bins.

Source: Bittner et al., "Deep salience representations for F0 estimation in polyphonic music", ISMIR 2017.
"""

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import ArrayLike
from torch import nn

from .constants import NMP
from .errors import InputError


def shifts(harmonics: Sequence[float] = NMP.harmonics, *, bins_per_octave: int = NMP.bins_per_octave) -> np.ndarray:
    """Shifts s_h = round(B · log2 h) in bins, one for each harmonic (eq-shift).

    >>> shifts()
    array([-36,   0,  36,  57,  72,  84,  93, 101])
    """
    return np.round(_exact_shifts(harmonics, bins_per_octave)).astype(int)


def rounding_errors_in_cents(
    harmonics: Sequence[float] = NMP.harmonics, *, bins_per_octave: int = NMP.bins_per_octave
) -> np.ndarray:
    """How far each shift overshoots its partial, in cents (eq-rounding); a bin is 1200 / B cents wide.

    >>> rounding_errors_in_cents().round(1).tolist()
    [0.0, 0.0, 0.0, -2.0, 0.0, 13.7, -2.0, -2.2]
    """
    exact = _exact_shifts(harmonics, bins_per_octave)
    return (np.round(exact) - exact) * 1200 / bins_per_octave


class HarmonicStacking(nn.Module):
    """Copies of a spectrum, shifted so that a note's partials share its bin, one for each harmonic.

    Bin k of channel h contains bin k + s_h of the spectrum (eq-stack).

    Parameters
    ----------
    harmonics
        Any set of positive numbers; ½ is the octave below.
    bins_per_octave
        B.
    bins
        How many of the lowest bins are returned.

    Raises
    ------
    InputError
        If a harmonic is not positive.

    Examples
    --------
    With one bin per octave, the second harmonic moves down by one bin, and the fill comes in from above.

    >>> stack = HarmonicStacking((1, 2), bins_per_octave=1, bins=3)
    >>> stack(torch.tensor([[[1.0, 2.0, 3.0]]]))
    tensor([[[[1., 2., 3.]],
    <BLANKLINE>
             [[2., 3., 0.]]]])
    """

    def __init__(
        self,
        harmonics: Sequence[float] = NMP.harmonics,
        *,
        bins_per_octave: int = NMP.bins_per_octave,
        bins: int = NMP.contour_bins,
    ):
        super().__init__()
        self.harmonics, self.bins = tuple(harmonics), bins
        self.shifts = [int(s) for s in shifts(harmonics, bins_per_octave=bins_per_octave)]

    def forward(self, spectrum: torch.Tensor, *, fill: float | torch.Tensor = 0.0) -> torch.Tensor:
        """Stack (batch, frames, bins) to (batch, harmonics, frames, bins), with `fill` beyond the first and last bins.

        The released network fills with 0, which is *not* its level of silence; pass that level as `fill` to fill
        with silence. The result is in channels-last layout, in which convolutions on CPUs are fastest.
        """
        below = max(0, -min(self.shifts))
        above = max(0, max(self.shifts) + self.bins - spectrum.shape[-1])
        if isinstance(fill, torch.Tensor):
            padded = F.pad(spectrum - fill, (below, above)) + fill
        else:
            padded = F.pad(spectrum, (below, above), value=fill)
        copies = [padded[..., below + s : below + s + self.bins] for s in self.shifts]
        return torch.stack(copies, dim=-1).movedim(-1, 1)


def strongest_key_bin(
    levels: ArrayLike, *, harmonics: Sequence[float] = (1, 2, 3, 4, 5, 6, 7), bins_per_octave: int = NMP.bins_per_octave
) -> int:
    """The bin whose harmonics have the highest mean level: the simplest estimate of a fundamental.

    Parameters
    ----------
    levels : (bins,)
        Of one frame, from 0 for silence.
    harmonics, bins_per_octave
        Which harmonics count, and B. Those beyond the last bin count as silent.

    Examples
    --------
    With one bin per octave, the harmonics 1, 2 and 4 lie on neighbouring bins:

    >>> strongest_key_bin([0.5, 0.0, 0.6, 0.7, 0.8, 0.0], harmonics=(1, 2, 4), bins_per_octave=1)
    2
    """
    spectrum = torch.as_tensor(np.asarray(levels, dtype=float))
    stack = HarmonicStacking(harmonics, bins_per_octave=bins_per_octave, bins=len(spectrum))
    return int(stack(spectrum[None, None]).mean(dim=1).argmax())


def _exact_shifts(harmonics: Sequence[float], bins_per_octave: int) -> np.ndarray:
    numbers = np.asarray(harmonics, dtype=float)
    if not numbers.size or not ((numbers > 0) & (numbers < np.inf)).all():
        raise InputError(f"harmonics {tuple(harmonics)}: give at least one harmonic, and only positive numbers.")
    return bins_per_octave * np.log2(numbers)
