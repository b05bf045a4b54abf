"""Notes and their ways in and out."""

import io
import warnings

import mido
import numpy as np
import pretty_midi
import pytest
from hypothesis import given, strategies as st

from nmp_lessons import fetch
from nmp_lessons.errors import InputError, InputWarning
from nmp_lessons.notes import Notes, apply_pedal, piano_roll, read_midi, read_table, write_csv, write_midi

NOCTURNE = "miditok-3.1.0/tests/MIDIs_one_track/Maestro_1.mid"
TIMING = 0.3e-3  # seconds, half a tick and a little


@pytest.fixture(scope="module")
def nocturne() -> bytes:
    """Chopin's Nocturne Op. 9 No. 3, a real performance with pedal."""
    return fetch.read(fetch.MIDITOK_SDIST, NOCTURNE)


@st.composite
def playable_notes(draw, smallest=1):
    """Notes that one pianist could play: a key is struck only when it is up."""
    keys = draw(st.lists(st.tuples(st.integers(21, 108), st.integers(1, 127)), min_size=smallest, max_size=12))
    rows = []
    for number, (pitch, velocity) in enumerate(keys):
        onset = draw(st.floats(0, 100)) + 200 * number
        rows.append((onset, onset + draw(st.floats(0.005, 50)), pitch, velocity))
    return Notes(*np.array(rows).reshape(-1, 4).T)


def midi_bytes(tmp_path, *events, type=0) -> bytes:
    """A MIDI file of (tick, kind, keywords) at 1,000 ticks a second."""
    file = mido.MidiFile(type=type, ticks_per_beat=500)
    track, now = mido.MidiTrack(), 0
    for tick, kind, values in events:
        track.append(mido.Message(kind, time=tick - now, **values))
        now = tick
    file.tracks.append(track)
    file.save(tmp_path / "made.mid")
    return (tmp_path / "made.mid").read_bytes()


def on(tick, note=60, velocity=80, **more):
    return tick, "note_on", {"note": note, "velocity": velocity, **more}


def off(tick, note=60, **more):
    return tick, "note_off", {"note": note, **more}


def pedal(tick, value, **more):
    return tick, "control_change", {"control": 64, "value": value, **more}


# Notes


def test_notes_are_sorted_by_onset_and_then_pitch():
    notes = Notes([1, 0, 0], [2, 2, 2], [50, 70, 60], [1, 2, 3])
    assert notes.pitch.tolist() == [60, 70, 50] and notes.velocity.tolist() == [3, 2, 1]


@pytest.mark.parametrize(
    "arguments, complaint",
    [
        (([0], [0], [60]), "does not end after it starts"),
        (([1], [0], [60]), "does not end after it starts"),
        (([-1], [1], [60]), "starts before 0"),
        (([0], [1], [20]), "off the piano"),
        (([0], [1], [109]), "off the piano"),
        (([0], [1], [60.5]), "not an integer"),
        (([0], [1], [60], [0]), "velocity outside"),
        (([0], [1], [60], [128]), "velocity outside"),
        (([0], [np.nan], [60]), "NaN"),
        (([0, 1], [1, 2], [60]), "shapes"),
        ((["a"], [1], [60]), "onset contains something that is not a number"),
        (([0], [None, [1]], [60]), "offset contains something that is not a number"),
        (([0], [1], ["C4"]), "pitch contains something that is not a number"),
        (([0], [1], [60], ["loud"]), "velocity contains something that is not a number"),
    ],
)
def test_what_is_no_note_is_refused(arguments, complaint):
    with pytest.raises(InputError, match=complaint):
        Notes(*arguments)


def test_no_notes_at_all_are_fine():
    silence = Notes([], [], [])
    assert len(silence) == 0 and silence.seconds == 0 and silence.intervals.shape == (0, 2)
    assert piano_roll(silence).shape == (0, 88) and silence.between(0, 1) == silence


def test_an_octave_up_doubles_every_frequency():
    notes = Notes([0, 1], [1, 2], [57, 69])
    assert notes.frequencies.tolist() == [220, 440]
    assert np.allclose(notes.transposed(12).frequencies, [440, 880])


def test_transposing_off_the_piano_is_refused():
    with pytest.raises(InputError, match="pitch 109"):
        Notes([0], [1], [108]).transposed(1)


def test_an_excerpt_has_its_own_clock_and_cuts_what_sounds_on():
    notes = Notes([0, 1, 2, 3], [9, 1.5, 9, 9], [60, 61, 62, 63])
    assert notes.between(1, 3) == Notes([0, 1], [0.5, 2], [61, 62])
    assert notes.between(1, 3, held=True) == Notes([0, 0, 1], [2, 0.5, 2], [60, 61, 62])


@given(playable_notes(), st.floats(0, 1000))
def test_shifting_moves_all_and_changes_nothing_else(notes, seconds):
    moved = notes.shifted(seconds)
    assert np.allclose(moved.onset - notes.onset, seconds) and np.array_equal(moved.pitch, notes.pitch)


# Pedal


def test_the_pedal_holds_a_released_key_until_it_lifts():
    notes = Notes([0.0, 3.0], [1.0, 4.0], [60, 62])
    assert apply_pedal(notes, [0.5, 2.0], [127, 0]).offset.tolist() == [2.0, 4.0]


def test_the_pedal_is_down_from_64_on():
    notes = Notes([0.0], [1.0], [60])
    assert apply_pedal(notes, [0.5, 2.0], [64, 63]).offset.tolist() == [2.0]
    assert apply_pedal(notes, [0.5, 2.0], [63, 0]).offset.tolist() == [1.0]


def test_a_repeated_key_ends_the_earlier_note_under_the_pedal():
    notes = Notes([0.0, 2.0], [1.0, 3.0], [60, 60])
    assert apply_pedal(notes, [0.5, 5.0], [127, 0]).offset.tolist() == [2.0, 5.0]


def test_a_key_held_longer_than_the_pedal_is_not_shortened():
    assert apply_pedal(Notes([0.0], [3.0], [60]), [0.5, 1.0], [127, 0]).offset.tolist() == [3.0]


def test_a_pedal_that_never_lifts_ends_with_the_music():
    notes = Notes([0.0, 1.0], [0.5, 4.0], [60, 62])
    assert apply_pedal(notes, [0.2], [127]).offset.tolist() == [4.0, 4.0]


def test_half_pedalling_within_the_down_range_lifts_nothing():
    assert apply_pedal(Notes([0.0], [1.0], [60]), [0.5, 1.5, 2.0], [100, 70, 10]).offset.tolist() == [2.0]


@given(playable_notes(), st.lists(st.tuples(st.floats(0, 500), st.integers(0, 127)), max_size=20))
def test_the_pedal_only_lengthens_notes_that_no_repetition_ends(notes, events):
    events.sort()
    held = apply_pedal(notes, [time for time, _ in events], [value for _, value in events])
    for pitch in set(notes.pitch.tolist()):
        onset, offset = held.onset[held.pitch == pitch], held.offset[held.pitch == pitch]
        assert (offset[:-1] <= onset[1:]).all()
    assert (held.offset[-1:] >= notes.offset[-1:]).all()


# MIDI in


def test_a_real_performance_has_its_known_notes(nocturne):
    keys, sounding = read_midi(nocturne, pedal=False), read_midi(nocturne)
    assert len(keys) == len(sounding) == 2367
    assert np.array_equal(keys.onset, sounding.onset)
    assert (sounding.offset - sounding.onset).mean() > 3 * (keys.offset - keys.onset).mean()


def test_our_reader_agrees_with_pretty_midi(nocturne):
    theirs = pretty_midi.PrettyMIDI(io.BytesIO(nocturne)).instruments[0].notes
    theirs = Notes(*np.array([(n.start, n.end, n.pitch, n.velocity) for n in theirs]).T)
    ours = read_midi(nocturne, pedal=False)
    assert np.allclose(ours.intervals, theirs.intervals, atol=1e-6)
    assert np.array_equal(ours.pitch, theirs.pitch) and np.array_equal(ours.velocity, theirs.velocity)


def test_tempo_changes_count(tmp_path):
    file = mido.MidiFile(type=1, ticks_per_beat=100)
    file.tracks.append(
        mido.MidiTrack([mido.MetaMessage("set_tempo", tempo=tempo, time=100) for tempo in (1_000_000, 500_000)])
    )
    file.tracks.append(
        mido.MidiTrack(
            [mido.Message("note_on", note=60, velocity=5, time=200), mido.Message("note_off", note=60, time=100)]
        )
    )
    file.save(tmp_path / "a.mid")
    assert read_midi(tmp_path / "a.mid") == Notes([1.5], [2.0], [60], [5])


def test_each_channel_has_its_own_pedal_and_drums_are_left_out(tmp_path):
    data = midi_bytes(
        tmp_path,
        pedal(0, 127, channel=1),
        on(0, channel=0),
        on(0, 64, channel=1),
        on(0, 35, channel=9),
        off(500, channel=0),
        off(500, 64, channel=1),
        pedal(2000, 0, channel=1),
    )
    assert read_midi(data).intervals.tolist() == [[0, 0.5], [0, 2.0]]


def test_velocity_zero_is_a_release_and_a_second_strike_ends_the_first(tmp_path):
    data = midi_bytes(tmp_path, on(0), on(1000, velocity=90), on(1500, velocity=0))
    assert read_midi(data) == Notes([0, 1.0], [1.0, 1.5], [60, 60], [80, 90])


def test_a_note_without_length_is_dropped_with_a_warning(tmp_path):
    data = midi_bytes(tmp_path, on(0), off(0), on(1000, 62), off(2000, 62))
    with pytest.warns(InputWarning, match="notes of zero length \\(1\\)"):
        assert read_midi(data).pitch.tolist() == [62]


def test_notes_off_the_piano_are_left_out_with_a_warning_unless_there_are_no_others(tmp_path):
    off_piano = on(1000, 20), off(2000, 20)
    with pytest.warns(InputWarning, match=r"off the piano \(1\)"):
        assert read_midi(midi_bytes(tmp_path, *off_piano, on(3000), off(4000))) == Notes([3.0], [4.0], [60])
    with pytest.raises(InputError, match=r"contains only notes off the piano \(1\)"):
        read_midi(midi_bytes(tmp_path, *off_piano))


@pytest.mark.parametrize("kept", [0.3, 0.7, 0.9999])
def test_of_a_truncated_midi_file_the_notes_before_the_cut_are_read(nocturne, tmp_path, kept):
    (tmp_path / "cut.mid").write_bytes(nocturne[: int(kept * len(nocturne))])
    with pytest.warns(InputWarning, match="cut.mid: is cut off before its end"):
        found = read_midi(tmp_path / "cut.mid")
    whole = read_midi(nocturne)
    assert 0.9 * kept < len(found) / len(whole) < 1.1 * kept
    assert np.array_equal(found.onset, whole.onset[: len(found)])


def test_a_midi_file_cut_before_its_first_note_is_refused(nocturne, tmp_path):
    for kept, complaint in ((20, "cannot be read as MIDI|has 0 of the 2 tracks"), (60, "is cut off .* no notes")):
        (tmp_path / "cut.mid").write_bytes(nocturne[:kept])
        with pytest.raises(InputError, match=f"cut.mid: {complaint}"):
            read_midi(tmp_path / "cut.mid")


@pytest.mark.parametrize(
    "name, content, complaint",
    [
        ("empty.mid", b"", "the file is empty"),
        ("text.mid", b"This is no music, and long enough to look at.", "cannot be read as MIDI"),
        ("none.mid", None, "no such file"),
    ],
)
def test_a_file_that_is_no_midi(tmp_path, name, content, complaint):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=f"{name}: {complaint}"):
        read_midi(tmp_path / name)


def test_midi_without_notes(tmp_path):
    with pytest.raises(InputError, match="contains no notes"):
        read_midi(midi_bytes(tmp_path, pedal(0, 127)))


@pytest.fixture(scope="module")
def short_midi(nocturne, tmp_path_factory) -> bytes:
    path = tmp_path_factory.mktemp("short") / "a.mid"
    write_midi(read_midi(nocturne).between(0, 5), path)
    return path.read_bytes()


@given(damage=st.dictionaries(st.integers(0, 200), st.integers(0, 255), min_size=1, max_size=20))
def test_damaged_midi_is_read_or_refused_but_never_fails_otherwise(short_midi, damage):
    damaged = bytearray(short_midi)
    for place, value in damage.items():
        damaged[place] = value
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        try:
            read_midi(bytes(damaged))
        except InputError:
            pass


# MIDI out


@given(playable_notes())
def test_midi_returns_the_notes_that_were_written(tmp_path_factory, notes):
    path = tmp_path_factory.mktemp("midi") / "a.mid"
    write_midi(notes, path)
    found = read_midi(path)
    assert np.abs(found.intervals - notes.intervals).max() < TIMING
    assert np.array_equal(found.pitch, notes.pitch) and np.array_equal(found.velocity, notes.velocity)


def test_a_real_performance_returns_from_midi(nocturne, tmp_path):
    notes = read_midi(nocturne)
    write_midi(notes, tmp_path / "a.mid")
    found = read_midi(tmp_path / "a.mid")
    assert np.array_equal(found.pitch, notes.pitch)
    assert np.abs(found.onset - notes.onset).max() < TIMING


def sounding_pitch(path) -> dict[float, float]:
    """What a standard synthesiser would sound at each pitch wheel event: time to pitch, fractions included."""
    now, bend_range, registered, wheel, pitches = 0.0, [2.0] * 16, [None] * 16, [0] * 16, {}
    keys = [None] * 16
    for message in mido.MidiFile(path):
        now += message.time
        if message.type == "control_change":
            if message.control in (100, 101):
                registered[message.channel] = (message.control, message.value)
            elif message.control == 6 and registered[message.channel] == (100, 0):
                bend_range[message.channel] = message.value
        elif message.type == "pitchwheel":
            wheel[message.channel] = message.pitch
        elif message.type == "note_on":
            keys[message.channel] = message.note
        elif message.type == "note_off" and keys[message.channel] == message.note:
            keys[message.channel] = None
        for channel, key in enumerate(keys):
            if key is not None:
                pitches[round(now, 3), key] = key + wheel[channel] / 8192 * bend_range[channel]
    return pitches


@pytest.mark.parametrize("widest", [1.0, 8.0])
def test_a_synthesiser_plays_the_bends_in_tune(tmp_path, widest):
    notes = Notes([0, 0], [1, 1], [60, 67])
    write_midi(notes, tmp_path / "a.mid", bends=[[0, widest, -widest], None])
    pitches = sounding_pitch(tmp_path / "a.mid")
    assert pitches[0.5, 60] == pytest.approx(60 + widest, abs=0.01)
    assert pitches[0.5, 67] == 67
    assert read_midi(tmp_path / "a.mid").pitch.tolist() == [60, 67]


def test_a_bend_ends_with_its_note(tmp_path):
    write_midi(Notes([0, 2], [1, 3], [60, 60]), tmp_path / "a.mid", bends=[[0, 1], None])
    assert sounding_pitch(tmp_path / "a.mid")[2.0, 60] == 60


def test_more_bent_notes_at_once_than_channels_are_still_written(tmp_path):
    notes = Notes(np.zeros(20), np.ones(20), np.arange(60, 80))
    write_midi(notes, tmp_path / "a.mid", bends=[[0.1]] * 20)
    assert read_midi(tmp_path / "a.mid").pitch.tolist() == list(range(60, 80))


@pytest.mark.parametrize("bends", [[], [[np.nan]], [[30.0]]])
def test_bends_that_cannot_be_written_write_nothing(tmp_path, bends):
    with pytest.raises(InputError, match="bends"):
        write_midi(Notes([0], [1], [60]), tmp_path / "a.mid", bends=bends)
    assert list(tmp_path.iterdir()) == []


# Tables


@given(playable_notes())
def test_a_csv_returns_exactly_the_notes_that_were_written(tmp_path_factory, notes):
    path = tmp_path_factory.mktemp("csv") / "a.csv"
    write_csv(notes, path)
    assert read_table(path) == notes


@pytest.mark.parametrize(
    "text",
    [
        "0.5,1.5,60,70\n2,3,62,71\n",
        "0.5\t1.5\t60\t70\n2\t3\t62\t71\n",
        "0.5 1.5 60 70\n2 3 62 71",
        "# onset,offset,note,velocity\n0.5\t1.5\t60.000000\t70.0\n2\t3\t62\t71\n",
        "velocity;pitch;offset;onset\r\n70;60;1.5;0.5\r\n\r\n71;62;3;2\r\n",
        "\ufeffOnset Time,Offset Time,MIDI pitch,velocity\n0.5,1.5,60,70\n2,3,62,71\n",
        "start_time_s,end_time_s,pitch_midi,velocity,pitch_bend\n0.5,1.5,60,70,0,0,1\n2,3,62,71,0,1\n",
    ],
)
def test_tables_in_their_usual_forms(tmp_path, text):
    (tmp_path / "a.csv").write_text(text, encoding="utf-8", newline="")
    assert read_table(tmp_path / "a.csv") == Notes([0.5, 2], [1.5, 3], [60, 62], [70, 71])


def test_a_table_without_velocity(tmp_path):
    (tmp_path / "a.tsv").write_text("0\t1\t60\n")
    assert read_table(tmp_path / "a.tsv").velocity.tolist() == [80]


@pytest.mark.parametrize(
    "content, complaint",
    [
        (b"", "the file is empty"),
        (b"onset,offset,pitch\n", "contains no notes"),
        (b"when,what\n0,60\n", "has no column onset or offset or pitch"),
        (b"0,1,60\n0,1,x\n", "line 2: 'x' is not the name of a pitch"),
        (b"onset,offset,pitch\n0,1,Bb4\n1,2,B-4\n", "line 3: 'B-4' is not the name of a pitch; write a letter, # or b"),
        (b"onset,offset,f0_hz\n0,1,261.6\n1,2,0\n", "line 3: .*off the piano .*leave it out"),
        (b"0,1,60\n0,1\n", "line 2: the pitch is missing"),
        (b"0,1,60,80\n0,1,60,loud\n", "line 2: the velocity is 'loud', not a number"),
        (b"0,1,60\n\n3,2,60\n", "line 3: .*does not end"),
        (b"0,1,20\n", "line 1: .*off the piano"),
        (b"\xff\xfe\x00", "is not text"),
        (b"\x00\x01\x02", "is not text"),
        (b"a,b\x81,c\n", "is not text"),
        (b"1e400,2,60\n", "line 1: the onset is 1e400; give a finite number"),
        (b"onset,offset,midi\n0,1,1e300\n", "line 2: .*not an integer"),
        (b"onset,offset,midi\n0,1,60.5\n", "line 2: .*not an integer"),
        (b"onset,offset,pitch\n0,1,60.5\n", "may be a MIDI number or in Hz"),
        (b"onset,offset,pitch\n0,1,1e300\n", "line 2: .*off the piano"),
        (b"onset,duration,pitch\n0,1e308,60\n1e308,1e308,60\n", "look like samples"),
        (b'"' + b"x" * 200_000 + b'",0,1\n', "line 1: is not a row"),
    ],
)
def test_a_table_that_is_none(tmp_path, content, complaint):
    (tmp_path / "a.csv").write_bytes(content)
    with pytest.raises(InputError, match=f"a.csv.*{complaint}"):
        read_table(tmp_path / "a.csv")


# Piano roll


def test_a_piano_roll_by_hand():
    roll = piano_roll(Notes([0.0, 0.1], [0.3, 0.2], [21, 108]), frame_rate=10, frames=5)
    assert roll.shape == (5, 88)
    assert roll[:, 0].tolist() == [1, 1, 1, 0, 0] and roll[:, 87].tolist() == [0, 1, 0, 0, 0]
    assert roll.sum() == 4


@pytest.mark.parametrize("frame_rate", [0, -1, np.inf, np.nan])
def test_a_piano_roll_has_a_possible_frame_rate(frame_rate):
    with pytest.raises(InputError, match="above 0"):
        piano_roll(Notes([0.0], [0.2], [21]), frame_rate=frame_rate)


def test_the_shortest_note_still_shows():
    assert piano_roll(Notes([0.5], [0.5001], [60])).sum() == 1


@given(playable_notes())
def test_transposing_shifts_the_roll(notes):
    notes = Notes(notes.onset, notes.offset, np.clip(notes.pitch, 21, 107), notes.velocity)
    low, high = piano_roll(notes, frame_rate=2), piano_roll(notes.transposed(1), frame_rate=2)
    assert np.array_equal(low[:, :-1], high[:, 1:])
