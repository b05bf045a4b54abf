"""The table of experiments, and the commands that run it."""

import json
import tarfile

import numpy as np
import pytest
import soundfile
import torch
from hypothesis import given, strategies as st
from scipy import stats

from nmp_lessons import ablations, cli, training
from nmp_lessons.ablations import (
    BASELINES,
    CONDITIONS,
    FROZEN,
    INCONCLUSIVE,
    LEAKED,
    LONG,
    OTHERS,
    SEEDS,
    TAUGHT,
    VARIANTS,
    Sources,
    baseline_for,
    compare,
    crossed,
    experiments,
    holm,
    recipe,
    recorded,
    sources,
    standing,
    state,
    two_way_bootstrap,
    verdict,
)
from nmp_lessons.audio import BANK_SECONDS, RATE, instruments
from nmp_lessons.data import Corpus
from nmp_lessons.data.asap import SPLIT
from nmp_lessons.decoding import THRESHOLDS
from nmp_lessons.errors import InputError
from nmp_lessons.files import read_rows
from nmp_lessons.model import NMPNet, fixed_features
from nmp_lessons.notes import Notes, write_csv, write_midi
from nmp_lessons.training import CHECKPOINTS


def run(*words):
    arguments = cli.parser().parse_args([str(word) for word in words])
    return arguments.run(arguments)


def test_every_experiment_has_three_seeds_and_its_own_name():
    runs = experiments()
    assert len(runs) == len(SEEDS) * (len(LONG) + len(LEAKED) + len(VARIANTS) + len(OTHERS) + len(FROZEN) + len(TAUGHT))
    assert all(chosen.name == name for name, chosen in runs.items())
    assert all(name.endswith(f"-{chosen.seed}") for name, chosen in runs.items())
    assert recipe("main") == runs["main-0"]
    with pytest.raises(InputError, match="no such experiment"):
        recipe("nonsense")


def test_comparisons_share_one_schedule_and_one_amount_of_audio():
    for chosen in (VARIANTS | OTHERS).values():
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
    assert f"0 of {len(experiments())} are trained" in capsys.readouterr().out


def quick_piano(seed):
    time = np.arange(BANK_SECONDS * RATE) / RATE
    return np.broadcast_to((8000 * np.sin(2000 * time) * np.exp(-time)).astype(np.int16), (7, 88, len(time)))


@pytest.mark.slow
def test_data_and_train_are_two_commands(tmp_path, monkeypatch, capsys):
    """An archive of two performances becomes a corpus, twice the same; a run on it leaves weights and a record."""
    monkeypatch.setenv("NMP_LESSONS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(instruments, "string_piano", quick_piano)
    rng = np.random.default_rng(0)
    with tarfile.open(tmp_path / "asap.tar.xz", "w:xz") as archive:
        for split in ("train", "validation"):
            name = next(row["midi_performance"] for row in read_rows(SPLIT) if row["split"] == split)
            onset = np.sort(rng.uniform(0, 70, 400))
            write_midi(Notes(onset, onset + 0.3, rng.integers(40, 90, 400)), tmp_path / "one.mid")
            archive.add(tmp_path / "one.mid", f"./{name}")
    words = ["--clips", 1, "--validation-clips", 1, "--pianos", "strings-1"]
    for folder in ("one", "two"):
        assert run("data", "asap", tmp_path / "asap.tar.xz", "-o", tmp_path / folder, *words) == 0
    made = [Corpus(tmp_path / folder / "train") for folder in ("one", "two")]
    assert made[0].fingerprint == made[1].fingerprint

    short = training.Recipe("baseline-0", steps=2, batch=2, frames=40)
    monkeypatch.setattr(ablations.runs, "experiments", lambda: {"baseline-0": short})
    out = tmp_path / "out"
    assert run("train", "baseline", "--corpus", tmp_path / "one", "-o", out, "--accelerator", "cpu") == 0
    assert run("experiments", "-o", out) == 0
    assert "1 of 1 are trained" in capsys.readouterr().out
    assert state("baseline-0", folder=out)["steps"] == 2


@pytest.mark.parametrize(
    "words", [("data", "asap", "nowhere.tar.xz"), ("data", "asap", ".", "--pianos", "spinet"), ("train", "nonsense")]
)
def test_wrong_words_get_one_message(words, tmp_path, monkeypatch):
    monkeypatch.setenv("NMP_LESSONS_CACHE", str(tmp_path))
    with pytest.raises(InputError):
        run(*words)


def a_main_network(folder, *, silent=False, **fields):
    """The main network in a folder of its own, perhaps with nothing left in its layers, and with other fields."""
    model, record = training.load("main-0")
    for weights in model.parameters() if silent else ():
        torch.nn.init.zeros_(weights)
    training.save(model, record | fields, folder)
    return folder


def test_what_is_measured_is_the_network_in_the_folder(tmp_path):
    clip = ablations.disturbed_clip("chopin-nocturne", 20.0, "clean").excerpt(0, 6)
    real = ablations.Real(clip, fixed_features(clip), clip.notes, 0.0)
    ours, _ = ablations.measure_errors([real], folder=a_main_network(tmp_path, silent=True))
    assert ours["Fno"] == 0
    treated = ablations.treated(ablations.INTACT, "silent", 0, None, folder=tmp_path)
    assert not any(weights.any() for weights in treated.parameters())


def test_a_network_without_a_decoder_is_not_measured(tmp_path):
    with pytest.raises(InputError, match="main-0: has no decoder"):
        ablations.measure("main-0", folder=a_main_network(tmp_path, decoder=None))


def test_recordings_are_found_whatever_the_case_of_their_name_and_lags_are_read(tmp_path):
    soundfile.write(tmp_path / "Take.FLAC", np.zeros(30_000), 22_050)
    write_csv(Notes([0.1], [0.5], [60], [80]), tmp_path / "Take.tsv")
    assert [real.lag for real in ablations.real_recordings(tmp_path)] == [0.0]
    (tmp_path / "lag_ms.json").write_text('{"ake": 25}')
    assert [real.lag for real in ablations.real_recordings(tmp_path)] == [0.025]
    for broken in ("{", "[25]", '{"ake": "late"}'):
        (tmp_path / "lag_ms.json").write_text(broken)
        with pytest.raises(InputError, match=r"lag_ms\.json: isn't an object"):
            ablations.real_recordings(tmp_path)


def test_errors_on_recordings_are_measured_and_kept(tmp_path):
    clip = ablations.disturbed_clip("chopin-nocturne", 20.0, "clean").excerpt(0, 6)
    real = ablations.Real(clip, fixed_features(clip), clip.notes, 0.0)
    rows = ablations.measure_errors([real], folder=a_main_network(tmp_path))
    assert [row["network"] for row in rows] == ["main-0", "released"] and rows[0]["Fno"] > rows[1]["Fno"]
    written = (tmp_path / ablations.ERRORS).read_text().splitlines()
    assert len(written) == 3 and written[0].split(",") == list(ablations.measured_errors()[0])
    assert (tmp_path / ablations.CURVES).read_text().count("\n") == 1 + len(THRESHOLDS)
    with pytest.raises(InputError, match="--recordings"):
        ablations.measure_errors([])


# Comparing


@pytest.mark.parametrize("measure", [*CONDITIONS, "real_piano"])
def test_no_verdict_contradicts_its_interval(measure):
    for name in standing():
        found = compare(name, measure=measure)
        three = len(found.scores) == 3
        assert found.low <= found.mean <= found.high, name
        if found.verdict == "better":
            assert found.low > 0 and three, name
        elif found.verdict == "worse":
            assert found.high < 0 and three, name
        else:
            assert found.verdict == INCONCLUSIVE and (found.low <= 0 <= found.high or not three), name


@given(st.floats(-1, 1), st.floats(-1, 1))
def test_a_verdict_has_the_sign_of_both_ends_or_is_none(one, other):
    low, high = sorted((one, other))
    found = verdict(low, high)
    assert (found == "better") == (low > 0)
    assert (found == "worse") == (high < 0)
    assert (found == INCONCLUSIVE) == (low <= 0 <= high)


def test_a_network_is_neither_better_nor_worse_than_itself():
    found = compare("baseline")
    assert (found.low, found.mean, found.high) == (0, 0, 0)
    assert found.verdict == INCONCLUSIVE and found.p == 1


def test_turned_round_a_comparison_changes_its_sign():
    one, other = compare("windows-whole"), compare("baseline", "windows-whole")
    assert np.array_equal(one.differences, -other.differences)
    assert (one.low, one.high) == pytest.approx((-other.high, -other.low))
    assert {one.verdict, other.verdict} == {"better", "worse"}


def test_an_experiment_is_compared_with_the_baseline_of_its_own_machine():
    def machines(name):
        return [json.loads(path.read_text())["hardware"] for path in sorted(CHECKPOINTS.glob(f"{name}-[0-9].json"))]

    for name in [*standing(), *OTHERS]:
        assert machines(name) == machines(baseline_for(name)), name
        assert np.array_equal(compare(name).others, compare(name, baseline_for(name)).others)
    assert not set(BASELINES) & set(standing())


def test_the_stack_matters():
    for measure in ("clean", "real_piano"):
        assert compare("no-stacking", measure=measure).high < -0.05


def a_folder(folder, **experiments_scores):
    for name, scores in experiments_scores.items():
        (folder / f"{name.replace('_', '-')}.json").write_text(json.dumps({"scores": {"real_piano": scores}}))
    return folder


def test_pairs_are_of_one_seed(tmp_path):
    """Seed 1 stands for one of the two only, so it is not compared."""
    made = a_folder(
        tmp_path, baseline_0=[0.5, 0.6], baseline_1=[0.1, 0.1], loss_plain_0=[0.7, 0.6], loss_plain_2=[1, 1]
    )
    found = compare("loss-plain", folder=made)
    assert found.differences.tolist() == [[pytest.approx(0.2), 0]]
    assert found.verdict == INCONCLUSIVE
    assert standing(folder=made) == ["loss-plain"]


def test_what_was_not_measured_or_trained_is_named(tmp_path):
    (tmp_path / "baseline-0.json").write_text(json.dumps({"scores": {}}))
    with pytest.raises(InputError, match="baseline-0.json: not measured on 'real_piano'"):
        recorded("baseline", folder=tmp_path)
    with pytest.raises(InputError, match="no seed of this experiment is in"):
        recorded("no-contour", folder=tmp_path)
    made = a_folder(tmp_path, baseline_0=[1.0], loss_plain_1=[1.0])
    with pytest.raises(InputError, match="no seed in common"):
        compare("loss-plain", folder=made)


def test_pairing_is_worth_what_the_correlation_says():
    """Var(A − B) = Var A + Var B − 2 Cov (eq-paired), on the records."""
    found = compare("loss-weighted")
    a, b = found.scores.mean(axis=0), found.others.mean(axis=0)
    expected = a.var(ddof=1) + b.var(ddof=1) - 2 * np.cov(a, b)[0, 1]
    assert found.differences.mean(axis=0).var(ddof=1) == pytest.approx(expected)


def test_the_two_way_bootstrap_varies_as_much_as_seeds_and_clips_do():
    """Drawn from n, a mean has the variance of the n, divided by n and not by n − 1, in both directions."""
    rng = np.random.default_rng(0)
    seeds, clips = rng.normal(size=(4, 1)), rng.normal(size=(1, 12))
    means = two_way_bootstrap(seeds + clips, samples=40_000)
    assert means.mean() == pytest.approx((seeds + clips).mean(), abs=0.02)
    assert means.var() == pytest.approx(seeds.var() / 4 + clips.var() / 12, rel=0.05)


def test_one_seed_leaves_the_bootstrap_over_clips():
    from nmp_lessons.evaluation import bootstrap

    values = np.random.default_rng(1).normal(size=10)
    found = np.percentile(two_way_bootstrap(values[None]), [2.5, 97.5])
    assert found == pytest.approx(bootstrap(values), abs=0.05)


def test_where_one_source_varies_the_crossed_interval_is_the_usual_one_over_it():
    """Only seeds: Student's interval over the seeds' means, two degrees of freedom; only clips: over the clips'."""
    values = np.random.default_rng(3).normal(0.2, 1, size=10)
    for differences, over in ((np.repeat(values[:3, None], 10, 1), values[:3]), (np.tile(values, (3, 1)), values)):
        found, usual = crossed(differences), stats.ttest_1samp(over, 0)
        ends = usual.confidence_interval(0.95)
        assert (found.low, found.high, found.p) == pytest.approx((ends.low, ends.high, usual.pvalue))
        assert found.freedom == pytest.approx(len(over) - 1)


def test_the_variance_behind_the_crossed_interval_is_that_of_the_sources():
    differences = compare("loss-weighted").differences
    found = crossed(differences)
    half = stats.t.ppf(0.975, found.freedom) * sources(differences).of_mean(3, 10) ** 0.5
    assert (found.high - found.low) / 2 == pytest.approx(half)


def test_one_seed_has_the_interval_over_clips():
    values = np.random.default_rng(4).normal(size=(1, 10))
    ends = stats.ttest_1samp(values[0], 0).confidence_interval(0.95)
    found = crossed(values)
    assert (found.low, found.high) == pytest.approx((ends.low, ends.high))
    with pytest.raises(InputError, match="at least two clips"):
        crossed(np.zeros((3, 1)))


def test_many_experiments_have_the_intervals_of_each():
    made = Sources(0.2, 1.0, 0.5).null_worlds(5, seeds=3, clips=10)
    assert made.shape == (5, 3, 10)
    together = crossed(made)
    for i, one in enumerate(made):
        assert [each[i] for each in together] == pytest.approx([float(each) for each in crossed(one)])
    assert crossed(np.zeros((3, 10)))[:3] == (0, 0, 1)


@pytest.mark.parametrize(
    "of", [Sources(1, 0, 0), Sources(0, 1, 0), Sources(0, 0, 1), Sources(0.16, 0.11, 0.22), Sources(0, 35, 4)]
)
def test_the_crossed_interval_raises_few_false_alarms(of):
    """Near 5 % where seeds or clips dominate, fewer where the rest does; the bootstrap of seeds reaches 24 %."""
    worlds = of.null_worlds(4000)
    assert (crossed(worlds).p <= 0.05).mean() < 0.062
    assert (crossed(worlds).p <= 0.002).mean() < 0.006
    if of == Sources(1, 0, 0):
        means = two_way_bootstrap(worlds[:500], samples=1000)
        low, high = np.percentile(means, [2.5, 97.5], axis=1)
        assert 0.18 < (low * high > 0).mean() < 0.31


def test_the_sources_are_found_again_on_average():
    true = Sources(seed=0.5, clip=2.0, rest=1.0)
    rng = np.random.default_rng(0)
    worlds = (
        rng.normal(0, true.seed**0.5, (2000, 3, 1))
        + rng.normal(0, true.clip**0.5, (2000, 1, 40))
        + rng.normal(0, true.rest**0.5, (2000, 3, 40))
    )
    found = np.mean([sources(world) for world in worlds], axis=0)
    assert found == pytest.approx(true, rel=0.1)
    assert worlds.mean(axis=(1, 2)).var() == pytest.approx(true.of_mean(3, 40), rel=0.1)


def test_the_rest_is_what_a_two_way_analysis_of_variance_leaves():
    d = np.random.default_rng(2).normal(size=(3, 10))
    left = d.var(ddof=1) * 29
    between = 10 * d.mean(axis=1).var(ddof=1) * 2 + 3 * d.mean(axis=0).var(ddof=1) * 9
    assert sources(d).rest == pytest.approx((left - between) / 18)
    with pytest.raises(InputError, match="at least two seeds"):
        sources(np.zeros((1, 10)))


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_accepts_all_that_bonferroni_does_and_nothing_above_the_level(p_values):
    p, found = np.array(p_values), holm(p_values)
    assert (found >= (p <= 0.05 / len(p))).all()
    assert not found[p > 0.05].any()
    assert not found.any() or p[found].max() <= p[~found].min(initial=1.0)


def test_holm_on_an_example_by_hand():
    """.01 ≤ .05/4, .012 ≤ .05/3, .03 > .05/2: the last two are not accepted, although .04 ≤ .05/1."""
    assert holm([0.04, 0.01, 0.03, 0.012]).tolist() == [False, True, False, True]


def test_holm_is_seldom_wrong_about_rows_with_nothing_in_them():
    p = stats.uniform.rvs(size=(2000, 20), random_state=0)
    assert np.mean([holm(row).any() for row in p]) == pytest.approx(0.05, abs=0.015)
    assert (p.min(axis=1) < 0.05).mean() == pytest.approx(1 - 0.95**20, abs=0.03)
