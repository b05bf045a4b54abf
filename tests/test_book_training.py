"""Training in the page: its gradient is PyTorch's, its run is PyTorch's run, and the page stays at the reader's hand."""

import json
from dataclasses import replace
from functools import partial
from html import unescape

import numpy as np
import pytest
import torch

from nmp_lessons.augmentation import FeatureAugmentation
from nmp_lessons.augmentation.features import coloured, transposed
from nmp_lessons.book import bundle, show
from nmp_lessons.book.site.assets import POLICY, SCRIPTS
from nmp_lessons.cross_entropy import Loss
from nmp_lessons.data import maestro
from nmp_lessons.errors import InputError
from nmp_lessons.model import Config
from nmp_lessons.training import Clips, Recipe, batch, draw_windows
from tests.helpers import Visits, barriers, copied_bundle, failed, twins_of, write_page
from tools.browser import drawing

RECIPE = Recipe(
    "page",
    batch=2,
    frames=43,
    steps=60,
    learning_rate=2e-3,
    warm_up=5,
    augmentation=None,
    optimiser="adamw",
)
HEADS = RECIPE.loss.heads
LOSSES = {
    "focal": RECIPE.loss,
    "plain": Loss(heads=HEADS),
    "weighted": Loss("weighted", positive=19.0, heads=HEADS),
}
only = partial(FeatureAugmentation, semitones=0, equaliser=0.0, level=0.0, dark=0.0, cutoff=0.0, noise=None)
CHANGES = {"none": None, "all three": only(semitones=6, level=12.0, noise=(-85.0, -28.0))}
THRESHOLDS = (0.1, 0.2, 0.4)
EVERY = 30
GRADIENT = 1e-3  # of the first gradient's length
LOSS = 0.01  # of each of the first fifty losses; 0.002 was seen


@pytest.fixture(scope="module")
def clips():
    return Clips([maestro.performance(name).segment(10, 60) for name in ("schubert-andantino", "schumann-etudes")])


@pytest.fixture(scope="module")
def pieces():
    return Clips([maestro.performance(name).segment(0, 60) for name in ("beethoven-menuetto", "chopin-nocturne")])


@pytest.fixture(scope="module")
def runs(clips, pieces):
    """PyTorch's runs, by the label of their loss."""
    made = {label: replace(RECIPE, loss=loss) for label, loss in LOSSES.items()}
    return {label: show.page_run(one, clips, pieces, thresholds=THRESHOLDS, every=EVERY) for label, one in made.items()}


def given(clips, pieces, run, **changes) -> dict:
    settings = {"losses": LOSSES, "augmentations": CHANGES, "thresholds": THRESHOLDS, "every": EVERY, **changes}
    return show.page_training(settings.pop("recipe", RECIPE), clips, pieces, run=run, **settings)


@pytest.fixture(scope="module")
def folder(tmp_path_factory, clips, pieces, runs):
    """Pages with the site's policy; on one the gradient is another's, one waits for any graphics card."""
    folder = tmp_path_factory.mktemp("training")
    script = bundle.live_script("training")
    copied_bundle(folder, (*bundle.BUNDLE, script, *(path for path in bundle.FETCHED if path.name == "nmp-train.js")))
    policy = POLICY.replace(SCRIPTS, f"{SCRIPTS} 'wasm-unsafe-eval'")
    head = (
        f'<meta http-equiv="Content-Security-Policy" content="{policy}"><link rel="stylesheet" href="nmp.css">'
        f'<script src="nmp.js" defer></script><script src="{script.name}" defer></script>'
    )

    def trained(loss=RECIPE.loss, learning_rate=RECIPE.learning_rate, augmentation=None):
        """A network that you train"""
        drawn, axes = show.figure(height=2)
        axes.plot(runs["focal"].losses)
        return drawn

    data = given(clips, pieces, runs["focal"])
    wrong = data | {"plan": data["plan"] | {"loss": 1.01 * data["plan"]["loss"]}}
    patient = data | {"plan": data["plan"] | {"slow": 60_000}}
    pages = {"light": data, "dark": data, "wrong": wrong, "patient": patient}
    for name, one in pages.items():
        settings = {"loss": LOSSES, "learning_rate": [0.001, 0.002, 0.01], "augmentation": CHANGES}
        control = show.live(trained, chapter="training", data=one, **settings)
        theme = "dark" if name == "dark" else "light"
        write_page(folder / f"{name}.html", control.fragment, title="Training", theme=theme, head=head)
    return folder


# What Python makes


def test_the_windows_of_the_page_are_those_of_python(clips, pieces, runs):
    data = given(clips, pieces, runs["focal"])
    assert len(data["plan"]["windows"]) == RECIPE.steps
    for step in (0, 7, 59):
        drawn = draw_windows(RECIPE, 2, np.random.default_rng([RECIPE.seed, step]))
        assert data["plan"]["windows"][step] == [(clip, frames.start) for clip, frames in drawn]


def test_a_run_is_that_of_the_loop_and_of_the_decoder(runs):
    for run in runs.values():
        assert len(run.losses) == RECIPE.steps and [step for step, _ in run.tests] == [30, 60]
        assert np.mean(run.losses[-10:]) < 0.5 * run.losses[0]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"recipe": replace(RECIPE, optimiser="soap")}, "page: the page trains all layers with AdamW"),
        ({"recipe": replace(RECIPE, augmentation=FeatureAugmentation())}, "give no augmentation"),
        (
            {"recipe": replace(RECIPE, model=Config(normalisation="fixed"))},
            "page: the page trains the network of Config",
        ),
        ({"losses": {"paper": Loss("class_means", positive=0.95)}}, "paper: the page has plain, weighted and focal"),
        ({"augmentations": {"all": FeatureAugmentation()}}, "only transposes, changes the level and adds noise"),
    ],
)
def test_what_the_page_cannot_train_is_refused_in_words(clips, pieces, runs, change, message):
    with pytest.raises(InputError, match=message):
        given(clips, pieces, runs["focal"], **change)


# What the page computes


@pytest.mark.parametrize("by", [-5, 0, 3])
def test_a_window_is_cut_and_transposed_as_in_python(browser, tmp_path, clips, by):
    features, targets = batch(RECIPE, clips, step=3)
    moved, labels = transposed(features, targets, [0, by])
    with twins_of(browser, tmp_path, "training/batches.ts") as run:
        found = run(
            """({ clips, drawn, frames, by }) => {
              const bytes = clips.map(clip => Object.fromEntries(Object.entries(clip).map(([k, v]) => [k, Uint8Array.from(v)])));
              const batch = twins.batchOf(bytes, drawn, frames);
              twins.transpose(batch, 1, by);
              return Object.fromEntries(["features", "contour", "note", "onset"].map(name => [name, Array.from(batch[name])]));
            }""",
            {
                "clips": [
                    {
                        "features": clips.features[clip][start : start + 43].ravel().tolist(),
                        "note": clips.note[clip][start : start + 43].ravel().tolist(),
                        "onset": clips.onset[clip][start : start + 43].ravel().tolist(),
                    }
                    for clip, start in windows(3)
                ],
                "drawn": [[0, 0], [1, 0]],
                "frames": 43,
                "by": by,
            },
        )
    expected = {"features": moved, "contour": labels.contour, "note": labels.note, "onset": labels.onset}
    for name, values in expected.items():
        assert np.allclose(found[name], values.numpy().ravel(), atol=1e-6)


def windows(step: int) -> list[tuple[int, int]]:
    drawn = draw_windows(RECIPE, 2, np.random.default_rng([RECIPE.seed, step]))
    return [(clip, frames.start) for clip, frames in drawn]


def test_level_and_noise_are_those_of_python(browser, tmp_path):
    features = torch.rand(1, 4, 309, generator=torch.manual_seed(0))
    level, noise, slope = 5.0, -50.0, -3.0
    floors = noise + slope * (np.arange(309) / 36 - 4)
    drawn = [torch.tensor(one, dtype=torch.float32) for one in (np.full((1, 309), level), floors[None])]
    expected = coloured(features, *drawn, torch.full_like(features, 0.3))
    with twins_of(browser, tmp_path, "training/batches.ts") as run:
        found = run(
            """({ features, level, noise, slope }) => {
              const batch = { windows: 1, frames: 4, features: Float32Array.from(features) };
              twins.colour(batch, 0, level, noise, slope, () => 0.3);
              return Array.from(batch.features);
            }""",
            {"features": features.ravel().tolist(), "level": level, "noise": noise, "slope": slope},
        )
    assert np.allclose(found, expected.numpy().ravel(), atol=1e-5)


# In the browser

LISTEN = """addEventListener("stepped", event => (window.losses ??= []).push(event.detail.loss), true)"""
TAKEN = "count => (window.losses ?? []).length >= count"


def opened(visit, site, page="light", **options):
    tab = visit(f"{site}/{page}.html", script=LISTEN, **options)
    tab.locator("nmp-live[data-ready]").wait_for()
    return tab


def after(tab, steps: int) -> np.ndarray:
    """The losses, when so many steps have been taken."""
    tab.wait_for_function(TAKEN, arg=steps, timeout=300_000)
    return np.array(tab.evaluate("losses"))


@pytest.mark.parametrize("label", LOSSES)
def test_the_page_finds_the_gradient_and_the_losses_of_pytorch(visit, site, runs, label):
    tab = opened(visit, site)
    tab.get_by_label(label, exact=True).check()
    tab.get_by_role("button", name="Train").click()
    found = after(tab, 50)
    assert 0 < float(tab.locator(".nmp-live-frame").get_attribute("data-worst")) < GRADIENT
    expected = np.array(runs[label].losses)
    assert np.abs(found[:50] / expected[:50] - 1).max() < LOSS


@pytest.mark.parametrize(("page", "device"), [("patient", "webgpu"), ("light", "wasm")])
def test_a_graphics_card_finds_the_same_and_a_slow_one_is_not_used(browser, site, runs, page, device):
    """WebGPU, computed in software: eight times as slow as WebAssembly."""
    with drawing(browser) as other:
        visit = Visits(other)
        tab = opened(visit, site, page)
        if not tab.evaluate("async () => Boolean(await navigator.gpu?.requestAdapter())"):
            pytest.skip("this browser has no WebGPU in software")
        tab.get_by_role("button", name="Train").click()
        found = after(tab, 2)
        frame = tab.locator(".nmp-live-frame")
        assert frame.get_attribute("data-device") == device
        assert 0 < float(frame.get_attribute("data-worst")) < GRADIENT
        visit.close()
    assert np.abs(found[:2] / runs["focal"].losses[:2] - 1).max() < LOSS


def test_nothing_is_fetched_before_it_is_asked_for(visit, site):
    tab = opened(visit, site)
    tab.wait_for_load_state("networkidle")
    before = [url for url in visit.asked if url.endswith((".bin", "nmp-train.js"))]
    tab.get_by_role("button", name="One step").click()
    after(tab, 1)
    assert not before and len([url for url in visit.asked if url.endswith((".bin", "nmp-train.js"))]) == 2


def test_a_reader_trains_by_keys_pauses_steps_and_starts_over(visit, site):
    tab = opened(visit, site, "dark", width=390)
    before = barriers(tab)
    state = tab.locator(".nmp-live-state")
    tab.get_by_role("button", name="One step").focus()
    tab.keyboard.press("Enter")
    after(tab, 1)
    tab.get_by_text("Step 1 of 60").wait_for()
    tab.get_by_role("button", name="Train").focus()
    tab.keyboard.press("Space")
    after(tab, 31)
    tab.get_by_text("After 30 steps F is").wait_for()
    tab.get_by_role("button", name="Pause").click()
    tab.get_by_role("button", name="Train").wait_for()
    paused = state.inner_text()
    tab.wait_for_timeout(1500)
    assert state.inner_text() == paused
    first = tab.evaluate("losses[0]")
    tab.get_by_role("button", name="Start over").click()
    tab.get_by_text("Ready to train").wait_for()
    empty = "() => document.querySelector('.nmp-chart').querySelector('path.prediction').getAttribute('d') === ''"
    tab.wait_for_function(empty)  # it is drawn with the next frame
    assert tab.get_by_text("focal, rate 0.002", exact=True).count() == 2
    tab.evaluate("losses = []")
    tab.get_by_label("all three").check()
    tab.get_by_role("button", name="One step").click()
    assert after(tab, 1)[0] != pytest.approx(first, rel=1e-3)
    scrolled = tab.evaluate("document.documentElement.scrollWidth - innerWidth")
    assert failed(before=before, after=barriers(tab), sideways=scrolled) == {}


def test_a_step_on_its_way_does_not_count_once_the_reader_starts_over(visit, site, runs):
    tab = opened(visit, site)
    when_asked = """button => new MutationObserver(() => button.click())
      .observe(document.querySelector(".nmp-live-frame"), { attributeFilter: ["data-worst"] })"""
    tab.get_by_role("button", name="Start over").evaluate(when_asked)
    tab.get_by_role("button", name="One step").click()
    tab.get_by_text("Ready to train").wait_for()
    tab.get_by_label("plain", exact=True).check()
    tab.get_by_role("button", name="Train").click()
    assert after(tab, 2)[0] == pytest.approx(runs["plain"].losses[0], rel=LOSS)


def test_the_page_answers_while_it_trains(visit, site):
    tab = opened(visit, site)
    tab.get_by_role("button", name="Train").click()
    after(tab, 3)
    late = tab.evaluate(
        """() => new Promise(done => {
          const late = [];
          let due = performance.now() + 50;
          const timer = setInterval(() => {
            late.push(performance.now() - due);
            due = performance.now() + 50;
            if (late.length === 40) { clearInterval(timer); done(late); }
          }, 50);
        })"""
    )
    assert np.median(late) < 50  # milliseconds; a step takes longer


def test_a_gradient_that_is_not_pytorchs_is_refused(visit, site):
    tab = opened(visit, site, "wrong")
    tab.get_by_role("button", name="Train").click()
    tab.get_by_text("differs from PyTorch's by").wait_for()
    assert tab.evaluate("window.losses") is None


def test_without_javascript_pythons_picture_stands(visit, site):
    tab = visit(f"{site}/light.html", java_script_enabled=False)
    assert tab.locator(".nmp-live-frame img").is_visible()


def test_the_data_are_no_larger_than_they_need_to_be(folder):
    html = (folder / "light.html").read_text("utf8")
    plan = json.loads(unescape(html.split('data-plan="')[1].split('"')[0]))
    assert len(html) < 60_000
    assert (folder / plan["data"]["file"].removeprefix("./")).stat().st_size == plan["data"]["size"] < 4e6
