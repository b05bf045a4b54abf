"""The command line: notes for good files, one clear line for bad ones, and nothing half done."""

import errno
import io
import json
import os
import shutil
import subprocess
import sys
import threading
import unicodedata
from dataclasses import replace
from pathlib import Path

import mido
import numpy as np
import pytest
import soundfile

from nmp_lessons import cli, fetch
from nmp_lessons.audio import load, piano, save
from nmp_lessons.data import maestro
from nmp_lessons.evaluation import match, onset_scores, scores
from nmp_lessons.files import CHECKPOINTS, read_rows
from nmp_lessons.hearing import transcribe, transcribe_as_released
from nmp_lessons.notes import Notes, read_midi, read_table, write_csv, write_midi
from nmp_lessons.training import BEST, named
from tests.helpers import RATE, ROOT, tones


@pytest.fixture
def voice(tmp_path) -> Path:
    """A real voice, vocadito_10."""
    path = tmp_path / "voice.wav"
    path.write_bytes(fetch.read(fetch.BASIC_PITCH_SDIST, "basic_pitch-0.4.0/tests/resources/vocadito_10.wav"))
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


def test_the_true_clock_is_the_default_and_the_released_one_has_a_name(voice, tmp_path):
    options = {"default": [], "true": ["--timing", "true"], "released": ["--timing", "released"]}
    for name, more in options.items():
        assert cli.main(["transcribe", str(voice), "-o", str(tmp_path / name), *more]) == 0
    found = {name: read_table(tmp_path / name / "voice.csv") for name in options}
    recording = replace(load(voice, rate=RATE), title="")
    for name, run in (("default", transcribe), ("true", transcribe), ("released", transcribe_as_released)):
        assert np.allclose(found[name].onset, run(recording)[0].onset)
    assert len(found["true"]) > 10 and not np.array_equal(found["true"].onset, found["released"].onset)


@pytest.mark.slow
def test_none_of_450_notes_in_five_minutes_is_lost(tmp_path):
    """Three notes in two seconds, up and down six octaves; the last begins half a second before the end."""
    onset = np.arange(450) * 2 / 3 + 0.1
    pitch = 48 + np.abs((np.arange(450) * 5) % 72 - 36)
    played = Notes(onset, onset + 0.5, pitch)
    save(piano.render(played, seconds=300.0), tmp_path / "long.wav")
    assert cli.main(["transcribe", str(tmp_path / "long.wav"), "-o", str(tmp_path)]) == 0
    found = read_table(tmp_path / "long.csv")
    hits = match(played, found, tolerance=0.05).hits
    assert len(hits) == 450


def test_any_network_of_the_book_can_transcribe(tmp_path):
    played = maestro.performance("chopin-nocturne").segment(0, 20)
    save(played, tmp_path / "nocturne.wav")
    found = {}
    for name in ("released", "main-0", "piano", "transformer-0", "gru-0"):
        assert (
            cli.main(["transcribe", str(tmp_path / "nocturne.wav"), "-o", str(tmp_path / name), "--network", name]) == 0
        )
        found[name] = onset_scores(played.notes, read_table(tmp_path / name / "nocturne.csv"))["Fno"]
    assert found["piano"] > found["main-0"] > found["released"]
    assert min(found.values()) > 0.5


def test_a_run_without_a_choice_of_network_ends_with_one_line_about_pianos(voice, tmp_path, capfd):
    again = tmp_path / "again.wav"
    shutil.copy(voice, again)
    assert cli.main(["transcribe", str(voice), str(again), "-o", str(tmp_path / "plain")]) == 0
    (line,) = capfd.readouterr().err.splitlines()
    assert line.startswith("nmp-lessons: for a piano, --network piano is more accurate")
    for i, options in enumerate((["--network", "released"], ["--network", "piano"], ["--bends"])):
        assert cli.main(["transcribe", str(voice), "-o", str(tmp_path / str(i)), *options]) == 0
    assert cli.main(["transcribe", str(tmp_path / "nowhere.wav")]) == 2
    assert "--network" not in capfd.readouterr().err


def test_piano_names_the_network_that_is_best_on_real_pianos():
    measured = read_rows(CHECKPOINTS / "others.csv")
    rows = [row for row in measured if (CHECKPOINTS / f"{row['system']}.json").exists()]
    systems = {row["system"] for row in rows}
    means = {name: np.mean([float(row["Fno"]) for row in rows if row["system"] == name]) for name in systems}
    assert len(means) > 1 and max(means, key=lambda name: means[name]) == BEST["piano"]
    (one, _), (other, _) = named("piano"), named(BEST["piano"])
    for a, b in zip(one.state_dict().values(), other.state_dict().values(), strict=True):
        assert (a == b).all()


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


def test_a_bad_file_does_not_stop_the_others(voice, tmp_path, capfd):
    bad = tmp_path / "bad.wav"
    bad.write_text("these are words\n" * 50)
    out = tmp_path / "out"
    assert cli.main(["transcribe", str(bad), str(voice), "-o", str(out), "--network", "released"]) == 2
    assert sorted(path.name for path in out.iterdir()) == ["voice.csv", "voice.mid"]
    assert len(capfd.readouterr().err.strip().splitlines()) == 1


def test_a_truncated_recording_is_transcribed_as_far_as_it_goes(tmp_path, capfd):
    path = tones(tmp_path / "truncated.wav")
    path.write_bytes(path.read_bytes()[:30_000])
    assert cli.main(["transcribe", str(path), "-o", str(tmp_path), "--network", "released"]) == 0
    (line,) = capfd.readouterr().err.splitlines()
    assert line.startswith(f"nmp-lessons: {path}: is cut off or damaged: only 0.7 of its 1.0 s could be read")
    assert set(read_table(tmp_path / "truncated.csv").pitch) >= {69}


@pytest.mark.parametrize("command, suffix", [("transcribe", ".wav"), ("play", ".mid")])
def test_two_files_of_one_name_never_go_to_one_place(command, suffix, tmp_path, capfd):
    written = {}
    for folder, name, pitch in (("A", "take", 60), ("B", "Take", 72)):
        path = tmp_path / folder / f"{name}{suffix}"
        notes = Notes([0.0], [1.0], [pitch])
        if suffix == ".mid":
            write_midi(notes, path)
        else:
            save(piano.render(notes), path)
        written[folder] = path
    for more in ([], ["--overwrite"], ["--overwrite"]):
        status = cli.main([command, *map(str, written.values()), "-o", str(tmp_path / "out"), *more])
        said = capfd.readouterr().err.splitlines()
        complaint = f"nmp-lessons: {written['B']}: would be written over what came from {written['A']}"
        assert status == 2 and [line for line in said if "nmp-lessons" in line and line.startswith(complaint)]
    assert {path.stem for path in (tmp_path / "out").iterdir()} == {"take"}


def test_a_batch_survives_a_header_that_asks_for_the_impossible(voice, tmp_path, capfd):
    wild = bytearray(voice.read_bytes())
    wild[24:28] = (2_000_000_000).to_bytes(4, "little")
    (tmp_path / "wild.wav").write_bytes(wild)
    files = [str(tmp_path / "wild.wav"), str(voice)]
    assert cli.main(["transcribe", *files, "-o", str(tmp_path / "out"), "--network", "released"]) == 2
    (line,) = [line for line in capfd.readouterr().err.splitlines() if "nmp-lessons" in line]
    assert "wild.wav: the header gives a sample rate of 2000000000 Hz" in line
    assert (tmp_path / "out" / "voice.mid").exists()


# Faults of the machine


@pytest.mark.parametrize("fault", [errno.ENOSPC, errno.EACCES, errno.EROFS, errno.EIO])
def test_what_cannot_be_written_is_named_and_nothing_is_left(fault, tmp_path, monkeypatch, capfd):
    path, out = tones(tmp_path / "tone.wav"), tmp_path / "out"

    def refuse(*_, **__):
        raise OSError(fault, os.strerror(fault))

    monkeypatch.setattr(Path, "write_bytes", refuse)
    monkeypatch.setattr(os, "replace", refuse)
    assert cli.main(["transcribe", str(path), "-o", str(out)]) == 2
    (line,) = capfd.readouterr().err.splitlines()
    assert str(out / "tone.") in line and ("no space left" if fault == errno.ENOSPC else os.strerror(fault)) in line
    assert list(out.iterdir()) == []


def test_a_record_that_lacks_a_field_is_named(tmp_path, monkeypatch, capfd):
    for suffix in (".json", ".safetensors"):
        shutil.copy(CHECKPOINTS / f"main-0{suffix}", tmp_path)
    record = json.loads((tmp_path / "main-0.json").read_text("utf8"))
    for field in ("steps", "validation", "recipe"):
        (tmp_path / "main-0.json").write_text(json.dumps({k: v for k, v in record.items() if k != field}))
        assert cli.main(["experiments", "-o", str(tmp_path)]) == 2
        (line,) = capfd.readouterr().err.splitlines()
        assert "main-0" in line and field in line


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such pipes")
def test_notes_may_come_through_a_pipe(tmp_path, capfd):
    write_midi(PLAYED, tmp_path / "whole.mid")
    write_csv(PLAYED, tmp_path / "whole.csv")
    for name in ("whole.mid", "whole.csv"):
        pipe, data = tmp_path / f"pipe-{name[-3:]}", (tmp_path / name).read_bytes()
        os.mkfifo(pipe)
        writer = threading.Thread(target=pipe.write_bytes, args=(data,))
        writer.start()
        status, said, _ = evaluated(capfd, pipe, tmp_path / "whole.csv", "--json")
        writer.join()
        assert status == 0 and next(iter(json.loads(said)["pieces"].values()))["F"] == 1.0


def piped(data: Path, *words) -> subprocess.CompletedProcess:
    with data.open("rb") as file:
        command = [sys.executable, "-m", "nmp_lessons", *map(str, words)]
        return subprocess.run(command, cwd=ROOT, stdin=file, capture_output=True, text=True, timeout=120)


@pytest.mark.slow
def test_a_hyphen_is_standard_input(tmp_path):
    tones(tmp_path / "tone.wav")
    write_midi(PLAYED, tmp_path / "played.mid")
    for command, given, written in (
        ("transcribe", "tone.wav", {"stdin.mid", "stdin.csv"}),
        ("play", "played.mid", {"stdin.flac"}),
    ):
        done = piped(tmp_path / given, command, "-", "-o", tmp_path / command)
        assert done.returncode == 0 and {path.name for path in (tmp_path / command).iterdir()} == written, done.stderr
    assert 69 in read_midi(tmp_path / "transcribe" / "stdin.mid").pitch
    done = piped(tmp_path / "played.mid", "evaluate", "-", tmp_path / "played.mid", "--json")
    assert json.loads(done.stdout)["pieces"]["stdin"]["F"] == 1.0
    done = piped(tmp_path / "played.mid", "transcribe", "-", "-o", tmp_path)
    assert done.returncode == 2 and "<stdin>: cannot be read as audio" in done.stderr


@pytest.mark.slow
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux")
def test_a_full_disk_behind_standard_output_is_named(tmp_path):
    write_csv(PLAYED, tmp_path / "played.csv")
    command = [sys.executable, "-m", "nmp_lessons", "evaluate", *2 * [str(tmp_path / "played.csv")]]
    with open("/dev/full", "wb") as full:
        done = subprocess.run(command, cwd=ROOT, stdout=full, stderr=subprocess.PIPE, text=True, timeout=120)
    assert done.returncode == 2 and done.stderr.startswith("nmp-lessons: standard output: there is no space left")


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="a shell's pipe")
def test_a_reader_that_has_had_enough_is_no_fault():
    command = [sys.executable, "-m", "nmp_lessons", "experiments"]
    running = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    running.stdout.close()
    assert running.wait(timeout=120) == 0 and running.stderr.read() == b""


def test_a_performance_is_played_and_a_truncated_one_as_far_as_it_goes(tmp_path, capfd):
    whole = fetch.read(fetch.MIDITOK_SDIST, "miditok-3.1.0/tests/MIDIs_one_track/Maestro_1.mid")
    (tmp_path / "whole.mid").write_bytes(whole)
    (tmp_path / "cut.mid").write_bytes(whole[: len(whole) // 2])
    out = tmp_path / "out"
    assert cli.main(["play", str(tmp_path / "cut.mid"), str(tmp_path / "whole.mid"), "-o", str(out)]) == 0
    cut, whole = (soundfile.info(out / f"{name}.flac").duration for name in ("cut", "whole"))
    assert whole > 300 and 0.3 < cut / whole < 0.7
    (complaint,) = [line for line in capfd.readouterr().err.splitlines() if line.startswith("nmp-lessons:")]
    assert f"{tmp_path / 'cut.mid'}: is cut off before its end" in complaint


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


def test_a_name_with_an_accent_is_the_same_however_the_system_composes_it(tmp_path, capfd):
    for folder, form in (("heard", "NFD"), ("played", "NFC")):
        (tmp_path / folder).mkdir()
        write_csv(PLAYED, tmp_path / folder / unicodedata.normalize(form, "Für Elise.csv"))
    found = json.loads(evaluated(capfd, tmp_path / "heard", tmp_path / "played", "--json")[1])
    assert found["pieces"]["Für Elise"]["Fno"] == 1.0


def test_a_name_that_the_console_has_no_letters_for_is_printed_all_the_same(tmp_path, monkeypatch):
    write_csv(PLAYED, tmp_path / "ショパン.csv")
    console = io.TextIOWrapper(io.BytesIO(), encoding="cp1252")
    monkeypatch.setattr(sys, "stdout", console)
    assert cli.main(["evaluate", *2 * [str(tmp_path / "ショパン.csv")]]) == 0
    assert b"1.000" in console.buffer.getvalue()


def test_a_table_goes_before_the_midi_file_of_the_same_name(scored, capfd):
    write_csv(PLAYED, scored / "heard" / "one.csv")
    found = json.loads(evaluated(capfd, scored / "heard", scored / "played", "--json")[1])
    assert found["pieces"]["one"]["Fno"] == 1.0


def test_a_transcription_without_notes_scores_nothing_and_is_not_left_out(scored, capfd):
    (scored / "heard" / "two.csv").write_text("onset,offset,pitch,velocity\n")
    status, said, _ = evaluated(capfd, scored / "heard", scored / "played", "--json")
    assert status == 0 and set(json.loads(said)["pieces"]["two"].values()) == {0.0}
    status, _, complaints = evaluated(capfd, scored / "played", scored / "heard")
    assert status == 2 and "two.csv: contains no notes" in complaints[0]


def test_a_readme_among_notes_is_no_note_file(scored, capfd):
    (scored / "heard" / "README.txt").write_text("1. Unpack the archive.\n2. Read it.\n")
    (scored / "heard" / "one.mid").rename(scored / "heard" / "one.midi")
    write_csv(HEARD, scored / "more.csv")
    for folder in ("heard", "played"):  # but a table may be called .txt
        (scored / folder / "three.txt").write_text((scored / "more.csv").read_text())
    status, said, complaints = evaluated(capfd, scored / "heard", scored / "played", "--json")
    assert status == 0 and not complaints and list(json.loads(said)["pieces"]) == ["one", "three", "two"]


def test_the_pedal_of_a_midi_file_may_be_left_out(scored, capfd):
    """Three short strokes that it makes long."""
    track = mido.MidiTrack([mido.Message("control_change", control=64, value=127)])
    for key in (60, 64, 67):
        track += [mido.Message("note_on", note=key, time=200), mido.Message("note_off", note=key, time=100)]
    mido.MidiFile(tracks=[track]).save(scored / "whole.mid")
    write_csv(read_midi(scored / "whole.mid"), scored / "whole.csv")
    words = (scored / "whole.csv", scored / "whole.mid", "--json")
    (held,), (released,) = (
        json.loads(evaluated(capfd, *words, *more)[1])["pieces"].values() for more in ((), ("--no-pedal",))
    )
    assert held["F"] == 1.0 and released["F"] < 0.9 and released["Fno"] == 1.0


@pytest.mark.parametrize("command", [[], *([module.__name__.rpartition(".")[2]] for module in cli.COMMANDS)])
def test_every_command_explains_itself(command, capsys):
    """In a sentence, and with single percent signs: argparse fills in `help`, but not `description`."""
    with pytest.raises(SystemExit):
        cli.main([*command, "--help"])
    _, sentence, *rest = capsys.readouterr().out.split("\n\n")
    assert sentence[0].isupper() and sentence.endswith(".")
    assert "%%" not in sentence + "".join(rest)
