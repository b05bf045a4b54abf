"""The command line refuses what it can't use: every command says so in one line, and nothing is written."""

import io
import json
import shutil
import tarfile
from pathlib import Path

import mido
import numpy as np
import pytest
import soundfile

from nmp_lessons import cli
from nmp_lessons.data import maestro
from nmp_lessons.notes import Notes, write_midi
from tests.helpers import RATE, tones


def _nan(path: Path) -> None:
    audio = np.zeros(RATE, np.float32)
    audio[7] = np.nan
    soundfile.write(path, audio, RATE, subtype="FLOAT")


@pytest.fixture(scope="module")
def bad(tmp_path_factory) -> Path:
    """A folder full of what goes wrong."""
    folder = tmp_path_factory.mktemp("bad")
    for name in ("words.wav", "words.mid", "words.txt", "words.tar", "words.flac"):
        (folder / name).write_text("these are words\n" * 50)
    for name in ("empty.wav", "empty.mid", "empty.csv"):
        (folder / name).touch()
    for packing in ("gz", "xz"):
        with tarfile.open(folder / f"whole.{packing}", f"w:{packing}") as archive:
            archive.addfile(tarfile.TarInfo("noise"), io.BytesIO())
            noise = tarfile.TarInfo("more noise")
            noise.size = 100_000
            archive.addfile(noise, io.BytesIO(np.random.default_rng(0).bytes(noise.size)))
        (folder / f"cut.tar.{packing}").write_bytes((folder / f"whole.{packing}").read_bytes()[:50_000])
    tones(folder / "good.wav")
    _nan(folder / "nan.wav")
    tones(folder / "ten-milliseconds.wav", seconds=0.01)
    tones(folder / "silent.wav", silent=True)
    tones(folder / "header-only.wav", seconds=0.0)
    write_midi(Notes([0.0, 1.0], [1.0, 2.0], [60, 62]), folder / "good.mid")
    mido.MidiFile(tracks=[mido.MidiTrack()]).save(folder / "no-notes.mid")
    (folder / "no-notes.csv").write_text("onset,offset,pitch\n")
    (folder / "off-the-piano.csv").write_text("onset,offset,pitch\n0,1,60\n1,2,110\n")
    (folder / "void").mkdir()
    for name, notes in (("heard", "good.mid"), ("played", "good.mid"), ("played-more", "good.mid")):
        (folder / name).mkdir()
        shutil.copy(folder / notes, folder / name / "one.mid")
    shutil.copy(folder / "good.mid", folder / "played-more" / "two.mid")
    trees = {"no-columns": "a,b\n1,2\n", "no-rows": ",".join(maestro.COLUMNS) + "\n"}
    trees["no-files"] = trees["no-rows"] + "Clara Schumann,Romance,train,2018,2018/1.midi,2018/1.wav,2.0\n"
    for name, index in trees.items():
        (folder / name).mkdir()
        (folder / name / "maestro-v3.0.0.csv").write_text(index)
    indices = {"spoiled": "{not JSON", "nothing": "{}", "cut": json.dumps({"clips": 3, "fingerprint": "f"})}
    indices["lost"] = json.dumps({"clips": 1, "fingerprint": "f", "pieces": ["2018/1"], "order": [[0, 0]]})
    for name, index in indices.items():
        for split in ("train", "validation"):
            (folder / name / split).mkdir(parents=True)
            (folder / name / split / "corpus.json").write_text(index)
    (folder / "cut/train/features.u8").write_bytes(bytes(100))
    (folder / "checkpoints").mkdir()
    (folder / "checkpoints/baseline-0.json").write_text("{not JSON")
    (folder / "checkpoints/baseline-0.safetensors").write_text("not weights")
    (folder / "recordings").mkdir()
    tones(folder / "recordings" / "alone.flac")
    (folder / "term" / "students" / "exercises").mkdir(parents=True)
    (folder / "term" / "term.json").write_text('{"seed": 1, "chapters": {}}')
    return folder


BAD = [
    # what is given (BOOK: the book's own set in MAESTRO's form), what is said
    # no command, and what argparse refuses
    ("", "required: COMMAND"),
    ("sing", "invalid choice: 'sing'"),
    ("transcribe", "required: FILE"),
    ("transcribe good.wav --timing late", "invalid choice: 'late'"),
    ("data", "required: DATASET"),
    ("data groove", "invalid choice: 'groove'"),
    ("data asap void --clips many", "invalid int value: 'many'"),
    # transcribe
    ("transcribe good.wav --network nothing -o new", "nothing.safetensors: no such checkpoint"),
    ("transcribe good.wav --network main-0 --bends -o new", "--bends: this book's networks learned from pianos"),
    (
        "transcribe good.wav --network main-0 --timing released -o new",
        "--timing released: only the released program has a clock of its own",
    ),
    ("transcribe nowhere.wav", "nowhere.wav: no such file; check the name"),
    ("transcribe empty.wav", "empty.wav: the file is empty"),
    ("transcribe words.wav", "words.wav: cannot be read as audio"),
    ("transcribe nan.wav", "nan.wav: some samples are NaN"),
    ("transcribe ten-milliseconds.wav", "10 ms"),
    ("transcribe silent.wav", "silent"),
    ("transcribe header-only.wav", "header-only.wav: contains no audio"),
    ("transcribe void", "void: is a folder; give an audio file"),
    ("transcribe good.wav -o words.txt", "words.txt: is a file; give a folder"),
    ("transcribe good.wav -o .", "good.mid: already exists, so good.wav was skipped; add --overwrite"),
    # play
    ("play nowhere.mid", "nowhere.mid: no such file; check the name"),
    ("play empty.mid", "empty.mid: the file is empty"),
    ("play words.mid", "words.mid: cannot be read as MIDI"),
    ("play no-notes.mid", "no-notes.mid: contains no notes"),
    ("play void", "void: is a folder; give a MIDI file"),
    ("play good.mid -o words.txt", "words.txt: is a file; give a folder"),
    # evaluate
    ("evaluate nowhere.mid good.mid", "nowhere.mid: no such file or folder; check the name"),
    ("evaluate heard nowhere", "nowhere: no such file or folder; check the name"),
    ("evaluate empty.mid good.mid", "empty.mid: the file is empty"),
    ("evaluate words.mid good.mid", "words.mid: cannot be read as MIDI"),
    (
        "evaluate off-the-piano.csv good.mid",
        "off-the-piano.csv, line 3: notes: the note at 1.000 s (pitch 110, velocity 80) is off the piano",
    ),
    ("evaluate good.mid no-notes.csv", "no-notes.csv: contains no notes"),
    ("evaluate heard good.mid", "two files or two folders"),
    ("evaluate heard played-more", "two.mid: there is no file of that name in heard; add one"),
    ("evaluate played-more heard", "two.mid: there is no file of that name in heard; add one"),
    ("evaluate void heard", "void: contains no MIDI"),
    ("evaluate good.wav good.mid", "good.wav: not a note file"),
    ("evaluate heard played --tolerance=0", "--tolerance 0: give a number of milliseconds above 0"),
    ("evaluate heard played --tolerance=-5", "--tolerance -5"),
    ("evaluate heard played --tolerance=nan", "--tolerance nan"),
    # maestro, and data maestro, which reads the same folders
    *(
        (f"{command} {words}", complaint)
        for command in ("maestro", "data maestro")
        for words, complaint in (
            ("", "MAESTRO_ROOT is not set"),
            ("nowhere", "nowhere: no such folder"),
            ("words.txt", "words.txt: no such folder"),
            ("void", "void: contains no maestro-v3.0.0.csv"),
            ("no-columns", "maestro-v3.0.0.csv: has no column canonical_composer"),
            ("no-rows", "maestro-v3.0.0.csv: lists no performances"),
            ("no-files", "2 of 2 files are missing: the whole folder 2018; unpack the archive again, or leave out"),
            ("BOOK --without 1999", "no year or performance is called '1999'"),
            ("BOOK --without 2006 2009 2014", "no performances remain"),
        )
    ),
    ("data maestro BOOK -o words.txt", "words.txt: is a file"),
    ("data maestro BOOK -o out --workers 0", "0 workers: give at least 1"),
    ("data maestro BOOK -o out --without 2014", "no performance is left for validation"),
    # data asap
    ("data asap nowhere", "nowhere: no such file or folder"),
    ("data asap words.tar", "words.tar: cannot be read as a tar archive"),
    ("data asap cut.tar.gz", "cut.tar.gz: cannot be read as a tar archive (Compressed file ended"),
    ("data asap cut.tar.xz", "cut.tar.xz: cannot be read as a tar archive (Compressed file ended"),
    ("data asap void", "void: contains none of (n)ASAP's train performances"),
    ("data asap void --clips -1", "below 0"),
    ("data asap void --pianos harpsichord", "harpsichord: no such piano"),
    ("data asap void -o words.txt", "words.txt: is a file"),
    # train
    ("train nothing", "nothing: no such experiment; `nmp-lessons experiments` lists them"),
    ("train baseline-0 --corpus nowhere", "nowhere/train: contains no corpus"),
    ("train baseline-0 --corpus void", "void/train: contains no corpus"),
    ("train baseline-0 --corpus spoiled -o out", "spoiled/train/corpus.json: is not a valid corpus index"),
    ("train baseline-0 --corpus nothing -o out", "nothing/train/corpus.json: is not a valid corpus index"),
    ("train baseline-0 --corpus cut -o out", "cut/train/features.u8: is missing or incomplete"),
    ("train baseline-0 --corpus lost -o out", "lost/train/2018/1.npy: is missing or damaged"),
    ("train baseline-0 --corpus cut -o words.txt", "words.txt: is a file"),
    (
        "train baseline-0 --corpus cut -o out --accelerator quantum",
        "--accelerator quantum: not available on this machine",
    ),
    # experiments, measure, export
    ("experiments -o nowhere", "nowhere: no such folder"),
    ("experiments -o checkpoints", "baseline-0.safetensors: these are not the weights"),
    ("measure nothing", "nothing.safetensors: no such checkpoint"),
    ("measure baseline-0 -o void", "void/baseline-0.safetensors: no such checkpoint"),
    ("measure baseline-0 -o checkpoints", "baseline-0.safetensors: these are not the weights"),
    ("measure -o void", "void: contains no trained networks"),
    ("measure released", "the folder of recordings is missing; give it with --recordings"),
    ("measure errors", "the folder of recordings is missing; give it with --recordings"),
    ("measure decoders", "the folder of recordings is missing; give it with --recordings"),
    ("measure released --recordings void", "void: contains no FLAC files"),
    ("measure released --recordings recordings", "alone.tsv: no such file"),
    ("export nothing", "nothing.safetensors: no such checkpoint"),
    ("export separable-main-0", "separable-main-0: only NMP and its variants can be exported"),
    ("export baseline-0 -o words.txt", "words.txt: is a file"),
    # instructor, grade
    ("instructor recordings", "recordings: already exists; give a new folder or an empty one"),
    ("instructor words.txt", "words.txt: already exists; give a new folder or an empty one"),
    (
        "instructor new --chapters opera",
        "opera: no chapter of that name has exercises; choose from ablations, assignment, augmentation",
    ),
    ("instructor new --seed -1", "--seed -1: give an integer of at least 0"),
    ("grade void recordings", "void: has no term.json; give a folder made by `nmp-lessons instructor`"),
    ("grade term nowhere", "nowhere: no such folder; give one that contains a folder for each student"),
    ("grade term void", "void: contains no student folders"),
    (
        "grade term recordings -o words.txt",
        "words.txt: already exists; add --overwrite, or choose another file with -o",
    ),
]


@pytest.mark.parametrize("words, complaint", BAD, ids=[words or "no command" for words, _ in BAD])
def test_bad_input_gets_one_clear_line_and_status_2(words, complaint, bad, capfd, monkeypatch):
    """No traceback, no list without end, nothing on the standard output, and nothing written."""
    monkeypatch.chdir(bad)
    monkeypatch.delenv("MAESTRO_ROOT", raising=False)
    kept = {path: path.read_bytes() for path in bad.rglob("*") if path.is_file()}
    try:
        status = cli.main([str(maestro.book_set().root) if word == "BOOK" else word for word in words.split()])
    except SystemExit as refused:  # argparse
        status = refused.code
    said = capfd.readouterr()
    lines = said.err.strip().splitlines()
    assert status == 2 and not said.out and complaint in lines[-1], said.err
    assert (len(lines) == 1 or lines[0].startswith("usage: ")) and len(lines[-1]) < 500
    assert {path: path.read_bytes() for path in bad.rglob("*") if path.is_file()} == kept


def test_every_command_is_in_the_table():
    commands = next(iter(cli.parser()._subparsers._group_actions)).choices
    tried = {words.split()[0] for words, _ in BAD if words}
    assert set(commands) - tried == {"sounds"}  # which takes no input


def test_a_cache_that_is_no_folder_is_named(tmp_path, monkeypatch, capfd):
    (tmp_path / "cache").write_text("mine")
    monkeypatch.setenv("NMP_LESSONS_CACHE", str(tmp_path / "cache"))
    assert cli.main(["sounds"]) == 2
    (line,) = capfd.readouterr().err.splitlines()
    assert f"{tmp_path / 'cache'}" in line and (tmp_path / "cache").read_text() == "mine"
