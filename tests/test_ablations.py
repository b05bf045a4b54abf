"""The table of experiments, and the commands that run it."""

import argparse
import json
import tarfile

import numpy as np
import pytest

from nmp_lessons import ablations, training
from nmp_lessons import corpus as corpora
from nmp_lessons.ablations import SEEDS, VARIANTS, experiments, recipe, state
from nmp_lessons.decoding import THRESHOLDS
from nmp_lessons.errors import InputError
from nmp_lessons.model import NMPNet, fixed_features
from nmp_lessons.notes import Notes, write_midi


def run(*words):
    parser = argparse.ArgumentParser()
    ablations.add_commands(parser.add_subparsers(required=True))
    arguments = parser.parse_args([str(word) for word in words])
    return arguments.run(arguments)


def test_every_experiment_has_three_seeds_and_its_own_name():
    runs = experiments()
    assert len(runs) == len(SEEDS) * (1 + len(VARIANTS))
    assert all(chosen.name == name for name, chosen in runs.items())
    assert all(name.endswith(f"-{chosen.seed}") for name, chosen in runs.items())
    assert recipe("main") == runs["main-0"]
    with pytest.raises(InputError, match="no such experiment"):
        recipe("nonsense")


def test_comparisons_share_one_schedule_and_one_amount_of_audio():
    for chosen in VARIANTS.values():
        seen = chosen.steps * chosen.batch * chosen.frames
        assert seen == pytest.approx(300 * 8 * 172, rel=0.01)
        assert chosen.learning_rate == (1e-2 if chosen.optimiser == "adamw" else 3e-2)


def test_shipped_runs_followed_their_recipes():
    shipped = sorted(path.stem for path in training.CHECKPOINTS.glob("*.json"))
    for name in shipped:
        record = json.loads((training.CHECKPOINTS / f"{name}.json").read_text())
        assert training.Recipe.from_json(record["recipe"]) == experiments()[name], name
    assert shipped


def test_the_main_network_is_nmp():
    assert sum(weights.numel() for weights in NMPNet(recipe("main").model).parameters()) == 16_782


def test_recipes_survive_their_records():
    for chosen in experiments().values():
        assert training.Recipe.from_json(json.loads(json.dumps(chosen.to_json()))) == chosen


def test_what_is_missing_is_said(tmp_path, capsys):
    assert state("main-0", folder=tmp_path)["state"] == "missing"
    (tmp_path / "main-0.state.safetensors").touch()
    assert state("main-0", folder=tmp_path)["state"] == "unfinished"
    assert run("experiments", "-o", tmp_path) == 0
    assert f"0 of {len(experiments())} stand" in capsys.readouterr().out


def quick_piano(seed):
    time = np.arange(corpora.BANK_SECONDS * corpora.RATE) / corpora.RATE
    return np.broadcast_to((8000 * np.sin(2000 * time) * np.exp(-time)).astype(np.int16), (7, 88, len(time)))


def test_data_and_train_are_two_commands(tmp_path, monkeypatch, capsys):
    """An archive of two performances becomes a corpus, twice the same; a run on it leaves weights and a record."""
    monkeypatch.setenv("NMP_LESSONS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(corpora, "string_piano", quick_piano)
    rng = np.random.default_rng(0)
    with tarfile.open(tmp_path / "asap.tar.xz", "w:xz") as archive:
        for split in ("train", "validation"):
            name = next(row["midi_performance"] for row in corpora._split_rows() if row["split"] == split)
            onset = np.sort(rng.uniform(0, 70, 400))
            write_midi(Notes(onset, onset + 0.3, rng.integers(40, 90, 400)), tmp_path / "one.mid")
            archive.add(tmp_path / "one.mid", f"./{name}")
    words = ["--clips", 1, "--validation-clips", 1, "--pianos", "strings-1"]
    for folder in ("one", "two"):
        assert run("data", "asap", tmp_path / "asap.tar.xz", "-o", tmp_path / folder, *words) == 0
    made = [corpora.Corpus(tmp_path / folder / "train") for folder in ("one", "two")]
    assert made[0].fingerprint == made[1].fingerprint

    short = training.Recipe("baseline-0", steps=2, batch=2, frames=40)
    monkeypatch.setattr(ablations, "experiments", lambda: {"baseline-0": short})
    out = tmp_path / "out"
    assert run("train", "baseline", "--corpus", tmp_path / "one", "-o", out, "--accelerator", "cpu") == 0
    assert run("experiments", "-o", out) == 0
    assert "1 of 1 stand" in capsys.readouterr().out
    assert state("baseline-0", folder=out)["steps"] == 2


@pytest.mark.parametrize(
    "words", [("data", "asap", "nowhere.tar.xz"), ("data", "asap", ".", "--pianos", "spinet"), ("train", "nonsense")]
)
def test_wrong_words_get_one_message(words, tmp_path, monkeypatch):
    monkeypatch.setenv("NMP_LESSONS_CACHE", str(tmp_path))
    with pytest.raises(InputError):
        run(*words)


def test_errors_on_recordings_are_measured_and_kept(tmp_path):
    clip = ablations.disturbed_clip("chopin-nocturne", 20.0, "clean").excerpt(0, 6)
    real = ablations.Real(clip, fixed_features(clip), clip.notes, 0.0)
    rows = ablations.measure_errors([real], folder=tmp_path)
    assert [row["network"] for row in rows] == ["main-0", "released"] and rows[0]["Fno"] > rows[1]["Fno"]
    written = (tmp_path / ablations.ERRORS).read_text().splitlines()
    assert len(written) == 3 and written[0].split(",") == list(ablations.measured_errors()[0])
    assert (tmp_path / ablations.CURVES).read_text().count("\n") == 1 + len(THRESHOLDS)
    with pytest.raises(InputError, match="--recordings"):
        ablations.measure_errors([])
