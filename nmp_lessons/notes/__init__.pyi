from . import (
    midi as midi,
    midi_events as midi_events,
    note_list as note_list,
    pitch as pitch,
    tables as tables,
)
from .midi import (
    DRUM_CHANNEL as DRUM_CHANNEL,
    TICKS_PER_BEAT as TICKS_PER_BEAT,
    read_midi as read_midi,
    write_midi as write_midi,
)
from .midi_events import BEAT as BEAT
from .note_list import (
    LONGEST as LONGEST,
    PEDAL_DOWN as PEDAL_DOWN,
    SUSTAIN as SUSTAIN,
    VELOCITY as VELOCITY,
    Notes as Notes,
    apply_pedal as apply_pedal,
    piano_roll as piano_roll,
)
from .pitch import (
    A4_FREQUENCY as A4_FREQUENCY,
    A4_PITCH as A4_PITCH,
    PITCH_CLASSES as PITCH_CLASSES,
    frequency_to_pitch as frequency_to_pitch,
    pitch_name as pitch_name,
    pitch_number as pitch_number,
    pitch_to_frequency as pitch_to_frequency,
)
from .tables import (
    COLUMNS as COLUMNS,
    read_table as read_table,
    write_csv as write_csv,
)
