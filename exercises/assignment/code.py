"""The functions of the assignment. To try one: answers.check("assignment-layer", missing_layer)."""

import numpy as np
import scipy.signal
import scipy.stats
import torch
import torch.nn.functional as F
from torch import nn

from nmp_lessons import evaluation, transcribe
from nmp_lessons.data import maestro
from nmp_lessons.harmonic_stacking import HarmonicStacking

HARMONICS, BINS, KEYS = 8, 264, 88  # channels of the stack, bins in each, keys of a piano
LOWEST, HIGHEST = 21, 108  # MIDI numbers of a piano
COLOURS = {"hits": "#009E73", "misses": "#D55E00", "extra": "#CC79A7"}  # for colour-blind readers, too


# 1. Listen and look


def marked_errors():
    """Five errors of the prediction in the first twelve seconds of the nocturne.

    Returns a list of five triples: the time in seconds (to a tenth), the pitch as a MIDI number, and the cause, one of
    `evaluation.CAUSES`. The time is that of an onset: of the missed note, of the extra note, or of the note whose onset or
    offset is wrong.
    """
    ### BEGIN SOLUTION: listen, look, and write down five errors
    music = maestro.performance("chopin-nocturne").segment(0, 12)
    prediction, _ = transcribe(music)
    found = []
    for error in evaluation.causes(music.notes, prediction)[::9]:
        notes, i = (prediction, error.estimate) if error.reference is None else (music.notes, error.reference)
        found.append((round(float(notes.onset[i]), 2), int(notes.pitch[i]), error.cause))
    return found[:5]
    ### END SOLUTION


# 2. The missing layer


def missing_layer(filters):
    """The layer that the source leaves out: a 5×5 convolution over the stack, batch normalisation, ReLU.

    filters: the number of its filters; the harmonic stack has 8 channels

    Returns an nn.Sequential of three layers that keeps the number of frames and bins. As in Keras, the normalisation
    adds 0.001 to the variance (`eps`).
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
        ### BEGIN SOLUTION: make `self.missing`, and set `received` to the number of channels that the 3×39 layer reads
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
        ### BEGIN SOLUTION: let the stack pass through your layer, and call the result `seen`
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
    network.load_state_dict(weights)  # fails if a name or a shape differs
    return torch.func.functional_call(network, weights, (stack,))


# 3. See and hear


def plot_comparison(axes, hits, misses, extra):
    """Draw the notes of a comparison as horizontal lines, from onset to offset at the height of the pitch.

    axes: Matplotlib axes
    hits, misses, extra: arrays of shape (n, 3), one row per note: onset and offset in seconds, pitch as a MIDI number

    Each note is a line of its own (`axes.plot` or `axes.hlines`). Each kind has its own colour (`COLOURS`), and a label
    for the legend. Returns the axes.
    """
    ### BEGIN SOLUTION: one line per note, one label per kind, names for both axes
    for name, notes in {"hits": hits, "misses": misses, "extra": extra}.items():
        for i, (onset, offset, pitch) in enumerate(notes):
            label = name if i == 0 else None
            axes.plot([onset, offset], [pitch, pitch], color=COLOURS[name], linewidth=3, label=label)
    axes.set(xlabel="time in seconds", ylabel="pitch, as a MIDI number")
    return axes
    ### END SOLUTION


def sonify(reference, estimate, rate, seconds):
    """Two lists of notes as sound: the reference in the left ear, the estimate in the right.

    reference, estimate: arrays of shape (n, 3), one row per note: onset and offset in seconds, pitch as a MIDI number
    rate: samples per second
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


# 4. Make it robust


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
    rate: samples per second
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
    notes: array of shape (n, 3), one row per note: onset and offset in seconds, pitch as a MIDI number
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

    notes: array of shape (n, 3), one row per note: onset and offset in seconds, pitch as a MIDI number
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

    noisy, clean: the same pictures with and without noise, tensors of shape (count, frames, bins); there is an even
        number of frames and of bins, and the clean values go from 0 to 1
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


# 5. Train


def total_loss(outputs, targets, contour=True):
    """The loss of all heads, in which the positives of each head count as much as its negatives.

    outputs: the logits of Yp, Yn and Yo, as `Network` returns them
    targets: three tensors of the same shapes, with values from 0 to 1
    contour: whether Yp counts

    A cell with the target y is a positive to the degree y and a negative to the degree 1 − y. A head's loss is half the
    mean loss of its positives plus half the mean loss of its negatives (0 for a side without any). Returns the sum of
    the heads' losses.
    """
    ### BEGIN SOLUTION: for each head, the weighted means of softplus(−z) and softplus(z)
    total = 0
    for logits, target in list(zip(outputs, targets))[0 if contour else 1 :]:
        yes = (target * F.softplus(-logits)).sum() / target.sum().clamp(min=1e-9)
        no = ((1 - target) * F.softplus(logits)).sum() / (1 - target).sum().clamp(min=1e-9)
        total = total + (yes + no) / 2
    return total
    ### END SOLUTION


def without_stacking(stack):
    """A stack in which only the channel of the fundamental is left, and all others are 0.

    stack: (batch, 8, frames, 264), for the harmonics ½, 1, 2, 3, 4, 5, 6, 7

    Returns a new tensor of the same shape; the argument stays as it is.
    """
    ### BEGIN SOLUTION: multiply by a row of eight numbers, one for each channel
    kept = torch.tensor([0.0, 1, 0, 0, 0, 0, 0, 0])
    return stack * kept[:, None, None]
    ### END SOLUTION


def trained(clips, steps, seed, filters=8, stacking=True, contour=True):
    """Train your network, and return its weights.

    clips: four tensors for `count` stretches of music: features (count, frames, 309) and the targets of Yp
        (count, frames, 264), Yn and Yo (count, frames, 88)
    steps: of the optimiser, each with four clips drawn at random
    seed: of the initial weights and of the clips that are drawn
    filters: of the missing layer
    stacking, contour: False to take these parts away, by `without_stacking` and by `total_loss`

    Returns the network's `state_dict()`.
    """
    ### BEGIN SOLUTION: make the network; in each step draw clips, stack them, compute the loss, step
    torch.manual_seed(seed)
    network, stack = Network(filters), HarmonicStacking()
    optimiser = torch.optim.Adam(network.parameters(), lr=3e-3)
    features, *targets = clips
    for _ in range(steps):
        chosen = torch.randint(len(features), (4,))
        seen = stack(features[chosen])
        outputs = network(seen if stacking else without_stacking(seen))
        loss = total_loss(outputs, [target[chosen] for target in targets], contour)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return network.state_dict()
    ### END SOLUTION


# 6. Take away


def interval(first, second):
    """How much better one network is than another on the same recordings, with a 95 % interval.

    first, second: arrays of scores, one for each recording, in the same order

    Returns the mean of the differences, first minus second, and the two ends of Student's t-interval for it.
    """
    ### BEGIN SOLUTION: the differences, their mean, and its standard error times the t-distribution's quantile
    differences = np.asarray(first) - np.asarray(second)
    mean, count = differences.mean(), len(differences)
    half = scipy.stats.t.ppf(0.975, count - 1) * differences.std(ddof=1) / np.sqrt(count)
    return mean, mean - half, mean + half
    ### END SOLUTION
