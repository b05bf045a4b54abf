"""The command line: notes for good files, one clear line for bad ones, and nothing half done."""

import json
import os
import shutil
from pathlib import Path

import mido
import numpy as np
import pytest
import soundfile

from nmp_lessons import cli, fetch, maestro
from nmp_lessons.evaluation import onset_scores, scores
from nmp_lessons.notes import Notes, read_midi, read_table, write_csv, write_midi

RATE = 22_050


@pytest.fixture
def voice(tmp_path) -> Path:
    """A real voice, vocadito_10."""
    path = tmp_path / "voice.wav"
    path.write_bytes(fetch.read(fetch.BASIC_PITCH_SDIST, "basic_pitch-0.4.0/tests/resources/vocadito_10.wav"))
    return path


def tones(path: Path, *, seconds: float = 1.0, silent: bool = False) -> Path:
    time = np.arange(int(seconds * RATE)) / RATE
    soundfile.write(path, 0.0 * time if silent else 0.3 * np.sin(2 * np.pi * 440 * time), RATE)
    return path


def test_a_voice_becomes_midi_and_a_table_with_the_same_notes(voice, tmp_path):
    out = tmp_path / "out"
    assert cli.main(["transcribe", str(voice), "-o", str(out)]) == 0
    assert sorted(path.name for path in out.iterdir()) == ["voice.csv", "voice.mid"]
    table, midi = read_table(out / "voice.csv"), read_midi(out / "voice.mid")
    assert len(table) > 10
    assert np.array_equal(table.pitch, midi.pitch)
    assert np.abs(table.onset - midi.onset).max() < 1e-3


def test_files_that_exist_are_kept_unless_asked(voice, tmp_path, capsys):
    kept = tmp_path / "voice.csv"
    kept.write_text("mine")
    assert cli.main(["transcribe", str(voice), "-o", str(tmp_path)]) == 2
    assert kept.read_text() == "mine" and not (tmp_path / "voice.mid").exists()
    assert "--overwrite" in capsys.readouterr().err
    assert cli.main(["transcribe", str(voice), "-o", str(tmp_path), "--overwrite"]) == 0
    assert kept.read_text().startswith("onset")


def test_the_true_clock_is_a_switch(voice, tmp_path):
    for timing in ("released", "true"):
        assert cli.main(["transcribe", str(voice), "-o", str(tmp_path / timing), "--timing", timing]) == 0
    assert len(read_table(tmp_path / "true" / "voice.csv")) > 10


def test_bends_go_into_the_midi_file_if_asked(voice, tmp_path):
    for name, options in (("plain", []), ("bent", ["--bends"])):
        assert cli.main(["transcribe", str(voice), "-o", str(tmp_path / name), *options]) == 0
    wheel = {
        name: [m.pitch for m in mido.MidiFile(tmp_path / name / "voice.mid") if m.type == "pitchwheel"]
        for name in ("plain", "bent")
    }
    assert wheel["plain"] == [] and len(wheel["bent"]) > 100
    assert abs(np.mean(wheel["bent"])) < 4096 / 6  # neither sharp nor flat by a sixth of a semitone
    plain, bent = (read_midi(tmp_path / name / "voice.mid") for name in ("plain", "bent"))
    assert np.array_equal(plain.pitch, bent.pitch)


def _missing(path):
    return path


def _empty(path):
    path.write_bytes(b"")


def _text(path):
    path.write_text("these are words, not sounds\n" * 50)


def _truncated(path):
    tones(path)
    path.write_bytes(path.read_bytes()[:20_000])


def _nan(path):
    audio = np.zeros(RATE, np.float32)
    audio[7] = np.nan
    soundfile.write(path, audio, RATE, subtype="FLOAT")


def _ten_milliseconds(path):
    tones(path, seconds=0.01)


def _silent(path):
    tones(path, silent=True)


def _no_samples(path):
    tones(path, seconds=0.0)


BAD = {
    "missing": (_missing, "no such file"),
    "empty": (_empty, "empty"),
    "text": (_text, "cannot be read as audio"),
    "truncated": (_truncated, "cut off"),
    "nan": (_nan, "NaN"),
    "10ms": (_ten_milliseconds, "10 ms"),
    "silent": (_silent, "silent"),
    "header-only": (_no_samples, "no audio"),
}


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_file_gets_one_clear_line_and_status_2(kind, tmp_path, capfd):
    make, complaint = BAD[kind]
    path, out = tmp_path / f"{kind}.wav", tmp_path / "out"
    make(path)
    assert cli.main(["transcribe", str(path), "-o", str(out)]) == 2
    said = capfd.readouterr()
    lines = said.err.strip().splitlines()
    assert len(lines) == 1, said.err
    assert path.name in lines[0] and complaint in lines[0]
    assert "Traceback" not in said.err and not said.out
    assert not out.exists()


def test_a_bad_file_does_not_stop_the_others(voice, tmp_path, capfd):
    bad = tmp_path / "bad.wav"
    _text(bad)
    out = tmp_path / "out"
    assert cli.main(["transcribe", str(bad), str(voice), "-o", str(out)]) == 2
    assert sorted(path.name for path in out.iterdir()) == ["voice.csv", "voice.mid"]
    assert len(capfd.readouterr().err.strip().splitlines()) == 1


def test_a_performance_is_played_and_a_truncated_one_is_named(tmp_path, capfd):
    whole = fetch.read(fetch.MIDITOK_SDIST, "miditok-3.1.0/tests/MIDIs_one_track/Maestro_1.mid")
    (tmp_path / "whole.mid").write_bytes(whole)
    (tmp_path / "cut.mid").write_bytes(whole[: len(whole) // 2])
    out = tmp_path / "out"
    assert cli.main(["play", str(tmp_path / "cut.mid"), str(tmp_path / "whole.mid"), "-o", str(out)]) == 2
    assert [path.name for path in out.iterdir()] == ["whole.flac"]
    assert soundfile.info(out / "whole.flac").duration > 300
    complaints = [line for line in capfd.readouterr().err.splitlines() if line.startswith("nmp-lessons:")]
    assert len(complaints) == 1 and "cut.mid" in complaints[0]


def test_a_maestro_tree_is_counted_or_its_gaps_named(tmp_path, capfd):
    tree = maestro.book_set().root
    assert cli.main(["maestro", str(tree)]) == 0
    assert [line.split()[:2] for line in capfd.readouterr().out.splitlines()] == [
        ["train", "8"], ["validation", "1"], ["test", "1"]
    ]  # fmt: skip
    shutil.copytree(tree, tmp_path / "copy")
    next((tmp_path / "copy").rglob("*.mid*")).unlink()
    assert cli.main(["maestro", str(tmp_path / "copy")]) == 2
    assert ".mid" in capfd.readouterr().err
    next((tmp_path / "copy").glob("*.csv")).unlink()
    assert cli.main(["maestro", str(tmp_path / "copy")]) == 2
    assert "csv" in capfd.readouterr().err


def test_a_file_in_place_of_the_folder_is_named(voice, tmp_path, capfd):
    folder = tmp_path / "file"
    folder.write_text("x")
    assert cli.main(["transcribe", str(voice), "-o", str(folder)]) == 2
    assert "name a folder" in capfd.readouterr().err and folder.read_text() == "x"


# nmp-lessons evaluate

PLAYED = Notes([0.0, 1.0, 2.0, 3.0], [1.0, 2.0, 3.0, 4.0], [60, 62, 64, 65])
HEARD = Notes([0.0, 1.06, 2.0, 3.0], [1.0, 2.0, 2.5, 4.0], [60, 62, 64, 77])


@pytest.fixture
def scored(tmp_path) -> Path:
    """Two folders of two pieces each, in three formats."""
    for folder, notes in (("heard", HEARD), ("played", PLAYED)):
        write_midi(notes, tmp_path / folder / "one.mid")
        write_csv(notes.transposed(12), tmp_path / folder / "two.csv")
    (tmp_path / "played" / "two.csv").rename(tmp_path / "played" / "two.tsv")
    return tmp_path


def evaluated(capfd, *words) -> tuple[int, str, list[str]]:
    status = cli.main(["evaluate", *map(str, words)])
    said = capfd.readouterr()
    return status, said.out, said.err.strip().splitlines()


@pytest.mark.parametrize("name", ["one.mid", "two.csv"])
def test_a_file_gets_the_scores_of_its_notes(name, scored, capfd):
    reference = next((scored / "played").glob(f"{name[:3]}.*"))
    status, said, complaints = evaluated(capfd, scored / "heard" / name, reference, "--json")
    assert status == 0 and not complaints
    (found,) = json.loads(said)["pieces"].values()
    assert found == pytest.approx(scores(PLAYED, HEARD), abs=1e-3)
    status, said, _ = evaluated(capfd, scored / "heard" / name, reference, "--tolerance", 100)
    head, row = said.splitlines()
    assert dict(zip(head.split(), row.split()[1:], strict=True))["Fno"] == "0.750"


def test_two_folders_are_paired_by_name_and_get_a_mean_with_its_interval(scored, capfd):
    status, said, complaints = evaluated(capfd, scored / "heard", scored / "played", "--json")
    assert status == 0 and not complaints
    found = json.loads(said)
    assert list(found["pieces"]) == ["one", "two"]
    mean = found["mean"]["Fno"]
    assert mean["mean"] == pytest.approx(0.5) and mean["interval"] == [pytest.approx(0.5), pytest.approx(0.5)]
    lines = evaluated(capfd, scored / "heard", scored / "played")[1].splitlines()
    assert [line.split()[0] for line in lines] == ["F", "one", "two", "[mean]", "[low]", "[high]"]


def test_a_table_goes_before_the_midi_file_of_the_same_name(scored, capfd):
    write_csv(PLAYED, scored / "heard" / "one.csv")
    found = json.loads(evaluated(capfd, scored / "heard", scored / "played", "--json")[1])
    assert found["pieces"]["one"]["Fno"] == 1.0


def test_a_transcription_without_notes_scores_nothing_and_is_not_left_out(scored, capfd):
    (scored / "heard" / "two.csv").write_text("onset,offset,pitch,velocity\n")
    status, said, _ = evaluated(capfd, scored / "heard", scored / "played", "--json")
    assert status == 0 and set(json.loads(said)["pieces"]["two"].values()) == {0.0}
    status, _, complaints = evaluated(capfd, scored / "played", scored / "heard")
    assert status == 2 and "two.csv: holds no notes" in complaints[0]


def test_the_pedal_of_a_midi_file_may_be_left_out(scored, capfd):
    whole = fetch.read(fetch.MIDITOK_SDIST, "miditok-3.1.0/tests/MIDIs_one_track/Maestro_1.mid")
    (scored / "whole.mid").write_bytes(whole)
    write_csv(read_midi(whole), scored / "whole.csv")
    words = (scored / "whole.csv", scored / "whole.mid", "--json")
    (held,), (released,) = (
        json.loads(evaluated(capfd, *words, *more)[1])["pieces"].values() for more in ((), ("--no-pedal",))
    )
    assert held["F"] == 1.0 and released["F"] < 0.9 and released["Fno"] > 0.99


def _words(prediction="heard/one.mid", reference="played/one.mid"):
    return prediction, reference


def _spoiled(write):
    """Spoils a prediction and scores it."""
    return lambda folder: (write(folder / "heard" / "one.mid"), _words())[1]


def _cut(path):
    path.write_bytes(path.read_bytes()[:-12])


def _off_the_piano(path):
    path.with_name("off.csv").write_text("onset,offset,pitch\n0,1,60\n1,2,110\n")


BAD_NOTES = {
    "no such file": (lambda folder: _words("heard/nowhere.mid"), "nowhere.mid", "check the name"),
    "no such folder": (lambda folder: _words("heard", "nowhere"), "nowhere", "check the name"),
    "an empty file": (_spoiled(lambda path: path.write_bytes(b"")), "one.mid", "empty"),
    "a truncated file": (_spoiled(_cut), "one.mid", "cut off"),
    "words": (_spoiled(lambda path: path.write_text("not MIDI")), "one.mid", "cannot be read as MIDI"),
    "a note off the piano": (
        lambda folder: (_off_the_piano(folder / "heard" / "one.mid"), _words("heard/off.csv"))[1],
        "off.csv, line 3",
        "off the piano",
    ),
    "a folder and a file": (lambda folder: _words("heard", "played/one.mid"), "one.mid", "two files or two folders"),
    "a file alone": (
        lambda folder: ((folder / "played" / "one.mid").unlink(), _words("heard", "played"))[1], "one.mid", "add it"
    ),
    "a reference alone": (
        lambda folder: ((folder / "heard" / "one.mid").unlink(), _words("heard", "played"))[1], "one.mid", "add it"
    ),
    "a folder without notes": (
        lambda folder: ((folder / "void").mkdir(), _words("void", "played"))[1], "void", "holds no MIDI"
    ),
    "a file of another kind": (
        lambda folder: ((folder / "a.wav").touch(), _words("a.wav"))[1], "a.wav", "no file of notes"
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", BAD_NOTES)
def test_bad_notes_get_one_clear_line_and_status_2(kind, scored, capfd):
    make, name, complaint = BAD_NOTES[kind]
    prediction, reference = make(scored)
    status, said, complaints = evaluated(capfd, scored / prediction, scored / reference)
    assert status == 2 and not said and len(complaints) == 1
    assert name in complaints[0] and complaint in complaints[0]


@pytest.mark.parametrize("tolerance", ["0", "-5", "nan"])
def test_a_tolerance_of_nothing_is_refused(tolerance, scored, capfd):
    words = (scored / "heard", scored / "played", f"--tolerance={tolerance}")
    status, _, complaints = evaluated(capfd, *words)
    assert status == 2 and "--tolerance" in complaints[0]


def test_a_real_piano_scores_as_with_the_original_program(tmp_path):
    """Mean onset-only F of the first 60 s of ten Disklavier recordings: basic-pitch 0.4.0 itself has .639."""
    default = Path(__file__).parents[2] / "shared" / "data" / "real_piano"
    folder = Path(os.environ.get("NMP_REAL_PIANO", default))
    recordings = sorted(folder.glob("*.flac"))
    if not recordings:
        pytest.skip(f"no recordings in {folder}: set NMP_REAL_PIANO to the folder of the real piano")
    starts = [tmp_path / path.name for path in recordings]
    for path, start in zip(recordings, starts, strict=True):
        audio, rate = soundfile.read(path, stop=60 * soundfile.info(path).samplerate)
        soundfile.write(start, audio, rate)
    assert cli.main(["transcribe", *map(str, starts), "-o", str(tmp_path / "out")]) == 0
    found = []
    for path in recordings:
        reference = read_table(path.with_suffix(".tsv")).between(0, 60)
        estimate = read_table(tmp_path / "out" / f"{path.stem}.csv")
        found.append(onset_scores(reference, estimate)["Fno"])
    assert np.mean(found) == pytest.approx(0.639, abs=0.005)
