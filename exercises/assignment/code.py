"""The functions of the assignment. To try one: answers.check("assignment-layer", missing_layer)."""

import numpy as np
import scipy.signal
import torch
import torch.nn.functional as F
from torch import nn

HARMONICS, BINS, KEYS = 8, 264, 88  # what the network sees, and what it says
LOWEST, HIGHEST = 21, 108  # MIDI numbers of a piano
COLOURS = {"hits": "tab:green", "misses": "tab:red", "extra": "tab:orange"}


# 1. The missing layer


def missing_layer(filters):
    """The layer that the source leaves out: a 5×5 convolution over the stack, batch normalisation, ReLU.

    filters: the number of its filters; the harmonic stack has 8 channels

    Returns an nn.Sequential of three layers that keeps the number of frames and bins.
    """
    ### BEGIN SOLUTION: put the three layers into an nn.Sequential
    return nn.Sequential(
        nn.Conv2d(HARMONICS, filters, (5, 5), padding=(2, 2)),
        nn.BatchNorm2d(filters, eps=1e-3, momentum=0.01),
        nn.ReLU(),
    )
    ### END SOLUTION


class Network(nn.Module):
    """NMP with the layer that is missing, from a harmonic stack (batch, 8, frames, 264) to three heads of logits."""

    def __init__(self, filters=32):
        super().__init__()
        ### BEGIN SOLUTION: make self.missing, and say how many channels the 3×39 layer receives
        self.missing = missing_layer(filters)
        received = filters
        ### END SOLUTION
        self.contour = nn.Sequential(
            nn.Conv2d(received, 8, (3, 39), padding=(1, 19)), nn.BatchNorm2d(8, 1e-3), nn.ReLU()
        )
        self.contour_out = nn.Conv2d(8, 1, (5, 5), padding=(2, 2))
        self.note = nn.Sequential(nn.Conv2d(1, 32, (7, 7), stride=(1, 3), padding=(3, 2)), nn.ReLU())
        self.note_out = nn.Conv2d(32, 1, (7, 3), padding=(3, 1))
        self.onset = nn.Sequential(
            nn.Conv2d(8, 32, (5, 5), stride=(1, 3), padding=(2, 1)), nn.BatchNorm2d(32, 1e-3), nn.ReLU()
        )
        self.onset_out = nn.Conv2d(33, 1, (3, 3), padding=(1, 1))

    def forward(self, stack):
        ### BEGIN SOLUTION: let the stack pass through your layer on its way to Yp
        seen = self.missing(stack)
        ### END SOLUTION
        contour = self.contour_out(self.contour(seen))
        note = self.note_out(self.note(contour.sigmoid()))
        onset = self.onset_out(torch.cat([note.sigmoid(), self.onset(stack)], dim=1))
        return contour[:, 0], note[:, 0], onset[:, 0]  # (batch, frames, 264), (batch, frames, 88) twice


def heads(filters, weights, stack):
    """The outputs of your network with given weights; nothing is left to do here.

    filters: of the missing layer
    weights: tensors by the names that `Network(filters).state_dict()` has
    stack: (batch, 8, frames, 264)

    Returns the logits of Yp, Yn and Yo.
    """
    network = Network(filters).eval()
    return torch.func.functional_call(network, weights, (stack,), strict=True)


# 2. See and hear


def plot_comparison(axes, hits, misses, extra):
    """Draw the notes of a comparison as horizontal lines, from onset to offset at the height of the pitch.

    axes: Matplotlib axes
    hits, misses, extra: arrays of shape (n, 3), one row a note: onset and offset in seconds, pitch as a MIDI number

    Each kind has its own colour (`COLOURS`), and a label for the legend. Returns the axes.
    """
    ### BEGIN SOLUTION: one line a note, one label a kind, names for both axes
    for name, notes in {"hits": hits, "misses": misses, "extra": extra}.items():
        for i, (onset, offset, pitch) in enumerate(notes):
            label = name if i == 0 else None
            axes.plot([onset, offset], [pitch, pitch], color=COLOURS[name], linewidth=3, label=label)
    axes.set(xlabel="time in seconds", ylabel="pitch, as a MIDI number")
    return axes
    ### END SOLUTION


def sonify(reference, estimate, rate, seconds):
    """Two lists of notes as sound: the reference in the left ear, the estimate in the right.

    reference, estimate: arrays of shape (n, 3), one row a note: onset and offset in seconds, pitch as a MIDI number
    rate: samples a second
    seconds: length; what lies beyond it is cut off

    A note is a sine at the frequency of its pitch, silent before its onset and after its offset. Returns an array of
    shape (samples, 2) with values from −1 to 1.
    """
    ### BEGIN SOLUTION: add up the sines of each ear, then scale so that nothing clips
    time = np.arange(round(seconds * rate)) / rate
    sound = np.zeros((len(time), 2))
    for ear, notes in enumerate((reference, estimate)):
        for onset, offset, pitch in notes:
            sounding = (onset <= time) & (time < offset)
            frequency = 440 * 2 ** ((pitch - 69) / 12)
            sound[sounding, ear] += np.sin(2 * np.pi * frequency * (time[sounding] - onset))
    return sound / max(1, np.abs(sound).max(initial=0))
    ### END SOLUTION


# 3. Make it robust


def with_reverb(audio, impulse):
    """A recording as it sounds in a room, as long and as loud (in RMS) as before.

    audio: array of shape (samples,)
    impulse: the impulse response of the room, array of any length

    Returns an array of shape (samples,).
    """
    ### BEGIN SOLUTION: convolve, cut to the old length, restore the old RMS
    wet = scipy.signal.fftconvolve(audio, impulse)[: len(audio)]
    return wet * np.sqrt(np.mean(np.square(audio)) / np.mean(np.square(wet)))
    ### END SOLUTION


def with_noise(audio, noise, ratio):
    """A recording with noise whose power lies `ratio` dB below the recording's.

    audio, noise: arrays of shape (samples,)
    ratio: decibels, the signal-to-noise ratio

    Returns an array of shape (samples,).
    """
    ### BEGIN SOLUTION: find the factor for the noise from both powers
    power = np.mean(np.square(audio)) / np.mean(np.square(noise))
    return audio + noise * np.sqrt(power * 10 ** (-ratio / 10))
    ### END SOLUTION


def equalised(audio, rate, low, high, gain):
    """A recording with one band of frequencies made louder or softer.

    audio: array of shape (samples,)
    rate: samples a second
    low, high: the band's limits in Hz, both included
    gain: decibels

    Returns an array of shape (samples,).
    """
    ### BEGIN SOLUTION: scale the band in the spectrum, and go back
    spectrum = np.fft.rfft(audio)
    frequency = np.fft.rfftfreq(len(audio), 1 / rate)
    spectrum[(low <= frequency) & (frequency <= high)] *= 10 ** (gain / 20)
    return np.fft.irfft(spectrum, len(audio))
    ### END SOLUTION


def transposed(audio, notes, semitones):
    """A recording played faster or slower, like a tape, and its notes as they are then heard.

    audio: array of shape (samples,)
    notes: array of shape (n, 3), one row a note: onset and offset in seconds, pitch as a MIDI number
    semitones: an integer; 12 is twice as fast, and an octave higher

    Returns the sound at the same rate, round(samples / factor) long, and the notes as an array of shape (m, 3). Notes
    that leave the piano (21 to 108) are left out of the labels.
    """
    ### BEGIN SOLUTION: find the factor; resample the sound; move the labels in pitch and in time
    factor = 2 ** (semitones / 12)
    sound = scipy.signal.resample(audio, round(len(audio) / factor))
    moved = np.array(notes, dtype=float).reshape(-1, 3)
    moved[:, :2] /= factor
    moved[:, 2] += semitones
    return sound, moved[(moved[:, 2] >= LOWEST) & (moved[:, 2] <= HIGHEST)]
    ### END SOLUTION


def mixed_up(first, second, weight):
    """Two training examples as one.

    first, second: pairs (features, targets) of arrays; the features have one shape, and so have the targets
    weight: of the first example, from 0 to 1; that of the second is 1 − weight

    Returns a pair (features, targets).
    """
    ### BEGIN SOLUTION: the same weighted sum of the features and of the targets
    return tuple(weight * np.asarray(one) + (1 - weight) * np.asarray(other) for one, other in zip(first, second))
    ### END SOLUTION


def masked_notes(notes, start, end):
    """The notes that a listener hears when the recording is silenced from `start` to `end`.

    notes: array of shape (n, 3), one row a note: onset and offset in seconds, pitch as a MIDI number
    start, end: seconds

    A note that sounds on after the silence is heard to begin again there. Returns an array of shape (m, 3), in order
    of onset, without notes of no length.
    """
    ### BEGIN SOLUTION: keep what lies before the silence and what lies after it, as notes of their own
    heard = []
    for onset, offset, pitch in notes:
        heard.append((onset, min(offset, start), pitch))
        heard.append((max(onset, end), offset, pitch))
    return np.array(sorted(note for note in heard if note[0] < note[1])).reshape(-1, 3)
    ### END SOLUTION


def denoised(noisy, clean, test, seed):
    """Train a small denoising autoencoder on some pictures, and clean others with it.

    noisy, clean: the same pictures with and without noise, tensors of shape (count, frames, bins), values from 0 to 1
    test: noisy pictures, a tensor of shape (count, frames, bins)
    seed: of the initial weights and of the order of training

    Returns the cleaned pictures, a tensor of the shape of `test`, after at most 30 seconds on two cores.
    """
    ### BEGIN SOLUTION: an encoder with stride, a decoder, 150 steps of Adam on the squared error
    torch.manual_seed(seed)
    network = nn.Sequential(
        nn.Conv2d(1, 16, 5, stride=2, padding=2),
        nn.ReLU(),
        nn.ConvTranspose2d(16, 1, 6, stride=2, padding=2),
    )
    optimiser = torch.optim.Adam(network.parameters(), lr=3e-3)

    def output(pictures):
        return network(pictures[:, None])[:, 0, : pictures.shape[1], : pictures.shape[2]]

    for _ in range(150):
        chosen = torch.randint(len(noisy), (8,))
        loss = F.mse_loss(output(noisy[chosen]), clean[chosen])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    with torch.no_grad():
        return output(test)
    ### END SOLUTION
