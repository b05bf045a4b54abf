"""The numbers that define NMP, all in one place, and how far off an onset may be.

Source: Bittner et al., ICASSP 2022, and the public source of basic-pitch 0.4.0; for the tolerance, the field's
convention (Bay et al., ISMIR 2009).
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Constants:
    """The sizes that the released network fixes; all others follow from these.

    >>> NMP.frame_rate
    86.1328125
    """

    sample_rate: int = 22_050  # Hz
    hop: int = 256  # samples between two frames
    window_samples: int = 2 * 22_050 - 256  # audio that the released network sees at once
    lowest_frequency: float = 27.5  # Hz, the piano's lowest key, A0
    bins_per_octave: int = 36  # three per semitone
    cqt_bins: int = 309
    contour_bins: int = 264  # three per piano key
    keys: int = 88
    lowest_pitch: int = 21  # MIDI number of A0
    harmonics: tuple[float, ...] = (0.5, 1, 2, 3, 4, 5, 6, 7)

    @property
    def frame_rate(self) -> float:
        """Frames per second: 22,050 / 256, not 86."""
        return self.sample_rate / self.hop

    @property
    def bins_per_semitone(self) -> int:
        return self.bins_per_octave // 12

    @property
    def window_frames(self) -> int:
        """Frames in one window of the released network."""
        return self.window_samples // self.hop + 1

    @property
    def highest_pitch(self) -> int:
        """MIDI number of the piano's highest key, C8."""
        return self.lowest_pitch + self.keys - 1


NMP = Constants()

TOLERANCE = 0.05  # seconds between the onsets of a hit
NEAR = 0.2  # seconds up to which an onset counts as late or early rather than as another one
