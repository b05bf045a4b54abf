"""Training: batches from (seed, step), exact resuming, records, and two processes that equal one."""

import json
import os
import subprocess
import sys
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from nmp_lessons import ablations, training
from nmp_lessons.audio import BANK_SECONDS, RATE, Piano, instruments, load
from nmp_lessons.augmentation import FeatureAugmentation
from nmp_lessons.constants import NMP
from nmp_lessons.cross_entropy import Loss
from nmp_lessons.data import CLIP_FRAMES, LET_IN, LET_IN_OP_22, Corpus, maestro
from nmp_lessons.data.asap import SPLIT, _members, performances
from nmp_lessons.decoding import THRESHOLDS, PeakDecoder
from nmp_lessons.errors import InputError
from nmp_lessons.evaluation import onset_scores
from nmp_lessons.files import read_rows
from nmp_lessons.model import Config, Heads, NMPNet, posteriors
from nmp_lessons.notes import Notes, read_midi, write_midi
from nmp_lessons.training import FEWEST, Recipe, render_corpus
from nmp_lessons.training.corpus import _sha256

ASAP = Path(__file__).parents[2] / "shared/data/asap/asap-performances.tar.xz"
SMALL = dict(steps=6, batch=4, frames=48, warm_up=2, average=0.9)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory) -> Corpus:
    """Two clips of random notes on a made-up piano."""
    folder = tmp_path_factory.mktemp("corpus")
    rng = np.random.default_rng(0)
    onset = np.sort(rng.uniform(0, 100, 800))
    music = Notes(onset, onset + rng.uniform(0.1, 1, 800), rng.integers(30, 100, 800), rng.integers(30, 110, 800))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NMP_LESSONS_CACHE", str(folder / "cache"))
        patch.setattr(instruments, "string_piano", quick_piano)
        return render_corpus(folder / "data", [music], clips=2, pianos=[Piano("quick", "strings", 1)])


def quick_piano(seed):
    """One decaying tone for each key."""
    time = np.arange(BANK_SECONDS * RATE) / RATE
    pitches = 440 * 2 ** ((np.arange(21, 109) - 69) / 12)
    keys = 8000 * np.sin(2 * np.pi * pitches[:, None] * time) * np.exp(-2 * time)
    return np.broadcast_to(keys.astype(np.int16), (7, *keys.shape))


def fabric(**settings):
    return training.default_fabric(**{"accelerator": "cpu", "precision": "32-true"} | settings)


def weights_of(model):
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def same(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def test_a_corpus_is_the_same_twice_and_knows_its_notes(corpus, tmp_path):
    assert len(corpus) == 2 and corpus.features.shape == (2, CLIP_FRAMES, 309)
    notes = corpus.notes(0)
    assert len(notes) >= FEWEST
    frame = np.round(notes.onset * NMP.frame_rate).astype(int)
    assert (corpus.onset[0][frame, notes.pitch - 21] >= 150).all()
    reopened = Corpus(corpus.folder)
    assert reopened.fingerprint == corpus.fingerprint == _sha256(corpus.folder)
    with pytest.raises(InputError, match="no corpus"):
        Corpus(tmp_path)


def test_the_split_leaves_maestros_test_and_validation_pieces_out_of_training():
    rows = read_rows(SPLIT)
    heard, kept = (
        {str(Path(row["midi_performance"]).parent) for row in rows if row["split"] == split}
        for split in ("train", "validation")
    )
    assert len(rows) == 694 and not heard & kept


def test_what_the_split_let_in_is_named():
    split = {row["midi_performance"]: row["split"] for row in read_rows(SPLIT)}
    assert all(split[name] == "train" for name in LET_IN)


def test_what_was_let_in_is_left_out(tmp_path):
    let_in = next(iter(LET_IN))
    other = next(
        row["midi_performance"]
        for row in read_rows(SPLIT)
        if row["split"] == "train" and row["midi_performance"] not in LET_IN
    )
    for name, key in ((let_in, 60), (other, 72)):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        write_midi(Notes([0.0], [1.0], [key]), tmp_path / name)
    (heard,) = performances(tmp_path, "train")
    assert heard.pitch.tolist() == [72]


@pytest.mark.slow
@pytest.mark.skipif(not ASAP.exists(), reason="needs (n)ASAP's archive")
def test_two_performances_let_in_are_from_the_books_validation_performance():
    whole = maestro.full_notes("beethoven-menuetto")
    names = [name for name in LET_IN if "MaximovI" in name]
    found = _members(ASAP, set(names))
    for name, (start, stop) in zip(names, LET_IN_OP_22, strict=True):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # notes of no length are dropped
            heard = read_midi(found[name])
        there = whole.between(start, stop)
        played = [set(zip(n.pitch.tolist(), n.velocity.tolist(), strict=True)) for n in (heard, there)]
        assert abs(len(heard) - len(there)) <= 0.01 * len(there)
        assert len(played[0] & played[1]) > 0.97 * len(played[1])
        middle = slice(len(heard) // 2, len(heard) // 2 + 30)
        key = heard.pitch[middle].tolist()
        at = next(i for i in range(len(whole)) if whole.pitch[i : i + 30].tolist() == key)
        late = whole.onset[at : at + 30] - heard.onset[middle]
        assert start < whole.onset[at] < stop and np.ptp(late) < 0.01


def test_batches_come_from_seed_and_step_alone(corpus):
    recipe = Recipe("a", **SMALL)
    first, again, later = (training.batch(recipe, corpus, step) for step in (3, 3, 4))
    assert torch.equal(first[0], again[0]) and torch.equal(first[1].onset, again[1].onset)
    assert not torch.equal(first[0], later[0])
    other = training.batch(replace(recipe, seed=1), corpus, 3)
    assert not torch.equal(first[0], other[0])
    assert first[0].shape == (4, 48, 309) and [y.shape[2] for y in first[1]] == [264, 88, 88]
    streamed = list(training.batches(recipe, corpus, 2))
    assert len(streamed) == 4 and torch.equal(streamed[1][0], first[0])


def test_a_teacher_that_hears_the_same_windows_shares_the_targets(corpus):
    """By hand from the teacher's own outputs; before augmentation, whose transposition moves the targets along."""
    recipe = Recipe("taught", augmentation=None, teacher="main-0", **SMALL)
    features, labels = training.batch(replace(recipe, teacher=""), corpus, 0)
    model, record = training.load("main-0")
    with torch.no_grad():
        heads = model.eval().logits(features).map(torch.sigmoid)
    assert record["recipe"]["loss"]["kind"] == "weighted"
    odds = heads.onset / (1 - heads.onset) / record["recipe"]["loss"]["positive"]
    for share in (0.0, 0.25, 1.0):
        _, mixed = training.batch(replace(recipe, share=share), corpus, 0)
        assert torch.allclose(mixed.note, (1 - share) * labels.note + share * heads.note, atol=1e-6)
        assert torch.allclose(mixed.onset, (1 - share) * labels.onset + share * odds / (1 + odds), atol=1e-6)
        assert torch.equal(mixed.contour[..., ::3], mixed.note) and not mixed.contour[..., 1::3].any()
    assert not torch.allclose(heads.onset, odds / (1 + odds), atol=0.1)
    assert "share=1.5" in str(pytest.raises(InputError, Recipe, "taught", teacher="main-0", share=1.5).value)


@pytest.mark.slow
def test_the_loss_falls(corpus, tmp_path):
    recipe = Recipe("falls", **SMALL | {"steps": 40, "learning_rate": 1e-2}, augmentation=None)
    _, record = training.train(recipe, corpus, folder=tmp_path, fabric=fabric(), save_every=10)
    losses = [line[1] for line in record["losses"]]
    assert losses[-1] < 0.7 * losses[0]


def test_a_run_can_start_from_a_network_and_keep_a_layer_random(corpus, tmp_path):
    recipe = replace(ablations.recipe("frozen-note-1"), corpus="train", steps=2, batch=2, frames=40)
    start, _ = training.load("main-1")
    begun = training.new_model(recipe, torch.zeros(1, 1, 1))
    assert torch.equal(begun.contour.weight, start.contour.weight)
    assert not torch.equal(begun.note.weight, start.note.weight) and not begun.note.weight.requires_grad
    trained, record = training.train(recipe, corpus, folder=tmp_path, fabric=fabric())
    assert torch.equal(trained.note.weight, begun.note.weight) and torch.equal(trained.note.bias, begun.note.bias)
    assert not torch.equal(trained.contour.weight, begun.contour.weight)
    assert Recipe.from_json(json.loads(json.dumps(record["recipe"]))) == recipe


@pytest.mark.parametrize(
    "config",
    [
        Config(),
        Config(stacking=False, padding="centred", normalisation="fixed"),
        Config(contour=False),
        Config(missing="series"),
        Config(missing="parallel"),
    ],
)
def test_every_variant_trains(corpus, tmp_path, config):
    recipe = Recipe("variant", model=config, **SMALL | {"steps": 2})
    model, record = training.train(recipe, corpus, folder=tmp_path, fabric=fabric())
    assert np.isfinite(record["losses"][-1]).all()
    again, _ = training.load("variant", folder=tmp_path)
    assert same(weights_of(model), weights_of(again)) and again.config == config


@pytest.fixture
def one_thread():
    """Several threads do not always add in the same order, so equality to the last bit is asked of one."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def test_a_run_cut_in_two_equals_an_uninterrupted_one(corpus, tmp_path, one_thread):
    recipe = Recipe("cut", **SMALL)
    whole, _ = training.train(recipe, corpus, folder=tmp_path / "whole", fabric=fabric())
    training.train(recipe, corpus, folder=tmp_path / "cut", fabric=fabric(), stop_at=3)
    assert (tmp_path / "cut" / "cut.state.safetensors").exists()
    resumed, record = training.train(recipe, corpus, folder=tmp_path / "cut", fabric=fabric())
    assert same(weights_of(whole), weights_of(resumed)) and record["steps"] == 6
    assert sorted(p.name for p in (tmp_path / "cut").iterdir()) == ["cut.json", "cut.safetensors"]


@pytest.mark.slow
def test_stopping_early_counts_on_where_a_run_was_stopped(corpus, tmp_path, monkeypatch):
    recipe = Recipe("patient", **SMALL)

    def steps_until_it_gives_up(folder, *stops):
        scores = iter([0.5, 0.4, 0.4, 0.4, 0.4, 0.4])
        monkeypatch.setattr(training.loop, "validate", lambda *_: {"threshold": 0.5, "Fno": next(scores)})
        monkeypatch.setattr(training.loop, "fit_decoder", lambda *_: (PeakDecoder(), 0.5))
        for stop in (*stops, None):
            _, record = training.train(
                recipe, corpus, corpus, folder=folder, fabric=fabric(), validate_every=1, stop_after=3, stop_at=stop
            )
        return record["steps"]

    assert steps_until_it_gives_up(tmp_path / "whole") == 4
    assert steps_until_it_gives_up(tmp_path / "cut", 3) == 4


MORTAL = """
import json, os, random, signal, sys, time
import safetensors
import safetensors.torch
import torch
from nmp_lessons import training
from nmp_lessons.augmentation import FeatureAugmentation
from nmp_lessons.data import Corpus
from nmp_lessons.training import Recipe, default_fabric, train
recipe = Recipe("run", steps=40, batch=2, frames=32, warm_up=2, average=0.9)
corpus, folder = Corpus(sys.argv[1]), sys.argv[2]
state = os.path.join(folder, "run.state.safetensors")

def begun():
    child = os.fork()
    if child == 0:
        torch.set_num_threads(1)
        fabric = default_fabric(accelerator="cpu", precision="32-true")
        train(recipe, corpus, folder=folder, fabric=fabric, save_every=1)
        os._exit(0)
    return child

def steps_done():
    if not os.path.exists(state):
        return 0
    safetensors.torch.load_file(state)  # whole, whenever one looks
    with safetensors.safe_open(state, "pt") as file:
        return json.loads(file.metadata()["progress"])["step"]

default_fabric(accelerator="cpu")  # loads what children then need not load
training.batch(recipe, corpus, 0)
moments = random.Random(0)
for place in sorted(moments.sample(range(27), 10)):
    child = begun()
    while steps_done() < place:
        time.sleep(0.005)
    time.sleep(moments.uniform(0, 0.05))
    os.kill(child, signal.SIGKILL)
    assert os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGKILL
    print("killed after", steps_done(), flush=True)
assert os.waitpid(begun(), 0)[1] == 0
"""


@pytest.mark.slow
def test_a_run_killed_ten_times_leaves_whole_files_and_ends_with_the_same_weights(corpus, tmp_path, one_thread):
    """At random moments; whoever looks at the state, before or after a kill, finds a whole one."""
    recipe = Recipe("run", steps=40, batch=2, frames=32, warm_up=2, average=0.9)
    expected, _ = training.train(recipe, corpus, folder=tmp_path / "a", fabric=fabric(), save_every=1)
    command = [sys.executable, "-c", MORTAL, str(corpus.folder), str(tmp_path / "b")]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=300, env=os.environ | {"OMP_NUM_THREADS": "1"}
    )
    assert done.returncode == 0, done.stderr
    places = [int(line.split()[-1]) for line in done.stdout.splitlines()]
    assert len(places) == 10 and places == sorted(places) and len(set(places)) > 5
    found, record = training.load("run", folder=tmp_path / "b")
    assert record["steps"] == 40 and same(weights_of(expected), weights_of(found))
    assert [line[0] for line in record["losses"]] == list(range(1, 41))
    assert not list((tmp_path / "b").glob("*.state.*"))


@pytest.mark.slow
def test_a_record_names_all_that_led_to_the_weights(corpus, tmp_path):
    recipe = Recipe("named", **SMALL | {"steps": 2}, seed=3, loss=Loss("class_means", positive=0.95))
    training.train(recipe, corpus, corpus, folder=tmp_path, fabric=fabric())
    record = json.loads((tmp_path / "named.json").read_text())
    assert Recipe.from_json(record["recipe"]) == recipe and record["seed"] == 3
    assert record["corpus"] == corpus.fingerprint and record["parameters"] == 16_782
    assert record["minutes"] > 0 and record["versions"]["torch"] == torch.__version__
    assert record["hardware"]["precision"] == "32-true" and record["decoder"]["threshold"] in THRESHOLDS
    assert [line[0] for line in record["losses"]] == [2]


def test_a_state_of_another_recipe_is_not_taken_up(corpus, tmp_path):
    training.train(Recipe("x", **SMALL), corpus, folder=tmp_path, fabric=fabric(), stop_at=2)
    with pytest.raises(InputError, match="another recipe"):
        training.train(Recipe("x", **SMALL | {"steps": 7}), corpus, folder=tmp_path, fabric=fabric())


def test_wrong_checkpoints_are_refused_with_one_message(tmp_path):
    with pytest.raises(InputError, match="no such checkpoint; this folder has none"):
        training.load("nothing", folder=tmp_path)
    with pytest.raises(InputError, match=r"no such checkpoint; the nearest of \d+ names are .*\bmain-0\b") as refused:
        training.load("mian-0")
    assert str(refused.value).count(",") == 4
    (tmp_path / "bad.json").write_text(json.dumps({"recipe": Recipe("bad").to_json()}))
    (tmp_path / "bad.safetensors").write_bytes(b"not weights")
    with pytest.raises(InputError, match="bad.safetensors"):
        training.load("bad", folder=tmp_path)
    model = NMPNet(Config(missing="series"))
    training.save(model, {"name": "bad", "recipe": Recipe("bad").to_json()}, tmp_path)
    with pytest.raises(InputError, match="not the weights"):
        training.load("bad", folder=tmp_path)


def test_validation_finds_the_threshold_that_scores_best(corpus):
    class Oracle(NMPNet):
        def logits(self, features):
            note, onset = (torch.from_numpy(a[0].astype(np.float32)) for a in (corpus.note, corpus.onset))
            return Heads(None, torch.logit(note.clamp(1e-3, 0.999))[None], torch.logit((onset / 400).clamp(1e-3))[None])

    found = training.validate(Oracle(), corpus, clips=1)
    assert found["Fno"] > 0.95 and found["threshold"] <= 0.4


@pytest.mark.parametrize("name", sorted(path.stem for path in training.CHECKPOINTS.glob("main-*.json")))
def test_shipped_networks_score_what_their_records_say(name):
    """Measured again on the book's test performance, rendered, by the record's decoder."""
    model, record = training.load(name)
    assert record["parameters"] == 16_782 and record["recipe"]["name"] == name
    for title, recorded in record["scores"]["book_test"].items():
        recording = maestro.book_set().performance(title).segment()
        found = PeakDecoder(**record["decoder"])(posteriors(model, recording))
        assert onset_scores(recording.notes, found)["Fno"] == pytest.approx(recorded["Fno"], abs=0.005)


@pytest.mark.slow
def test_main_networks_find_more_notes_on_a_real_piano_than_the_released_one():
    """The ten recordings of the development benchmark, which are no part of the book."""
    folder = Path(__file__).parents[2] / "shared" / "data" / "real_piano"
    names = sorted(path.stem for path in training.CHECKPOINTS.glob("main-[0-9].json"))
    if not (folder.is_dir() and names):
        pytest.skip("needs the real_piano recordings beside the project and a main checkpoint")
    model, record = training.load(names[0])
    found = []
    for path in sorted(folder.glob("*.flac")):
        onset, offset, pitch, _ = np.loadtxt(path.with_suffix(".tsv")).T
        first = onset < 60
        notes = Notes(onset[first], np.maximum(offset, onset + 0.01)[first], pitch[first].astype(int))
        heard = PeakDecoder(**record["decoder"])(posteriors(model, load(path, stop=60.0)))
        found.append(onset_scores(notes, heard)["Fno"])
    assert np.mean(found) == pytest.approx(np.mean(record["scores"]["real_piano"]), abs=0.005)
    assert np.mean(found) > 0.72  # the released weights: 0.639


@pytest.mark.parametrize("wrong", [{"steps": 0}, {"batch": 0}, {"frames": 10**6}])
def test_impossible_recipes_are_refused(wrong):
    with pytest.raises(InputError, match="x"):
        Recipe("x", **wrong)


def test_no_augmentation_survives_the_record():
    recipe = Recipe("plain", augmentation=None)
    assert Recipe.from_json(json.loads(json.dumps(recipe.to_json()))) == recipe
    quiet = Recipe("quiet", augmentation=FeatureAugmentation(noise=None))
    assert Recipe.from_json(json.loads(json.dumps(quiet.to_json()))) == quiet
