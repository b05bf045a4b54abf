"""The exported graph: the same posteriors and notes as PyTorch, whatever the network and however long the sound."""

import numpy as np
import onnx
import pytest
from test_model import VARIANTS, noise, randomised

from nmp_lessons import cli, decoding, model
from nmp_lessons._fast.convolution import Conv
from nmp_lessons.audio import Recording
from nmp_lessons.beyond import export
from nmp_lessons.constants import NMP
from nmp_lessons.data import maestro
from nmp_lessons.data.vocadito import singer
from nmp_lessons.decoding import PeakDecoder
from nmp_lessons.errors import InputError
from nmp_lessons.evaluation import match
from nmp_lessons.model import Config, NMPNet
from nmp_lessons.training import named

HEADS = ("contour", "note", "onset")
MORE = [
    Config(harmonics=(1, 2, 3)),
    Config(fill="silence"),
    Config(onset_features=False),
    Config(onset_sees_note=False, normalisation="fixed"),
]


def furthest(one: model.Posteriors, other: model.Posteriors) -> float:
    """The largest difference of two posteriorgrams with the same heads."""
    pairs = [(getattr(one, head), getattr(other, head)) for head in HEADS]
    assert [a is None for a, _ in pairs] == [b is None for _, b in pairs]
    return max(float(np.abs(a - b).max()) for a, b in pairs if a is not None)


def lively(config: Config) -> NMPNet:
    """A network of random weights that are large enough for its beliefs to vary."""
    net = randomised(config)
    for layer in net.modules():
        if isinstance(layer, Conv):
            layer.weight.data *= 4
    return net


@pytest.fixture(scope="module")
def nocturne() -> Recording:
    return maestro.performance("chopin-nocturne").segment(10, 30)


@pytest.mark.parametrize("config", VARIANTS + MORE, ids=str)
def test_every_variant_believes_the_same_as_a_graph(config):
    net, sound = lively(config), noise(1.5)
    found = export.run_graph(export.graph("variant", net), sound)
    assert furthest(found, model.posteriors(net, sound)) < 1e-3
    assert np.ptp(found.note) > 0.1  # it believes something


def test_a_graph_of_convolutions_alone_believes_the_same():
    net, sound = lively(Config(normalisation="fixed")), noise(1.5)
    kinds = {}
    for convolutions in (False, True):
        graph = export.graph("either", net, convolutions=convolutions)
        kinds[convolutions] = [node.op_type for node in onnx.load_from_string(graph).graph.node]
        assert furthest(export.run_graph(graph, sound), model.posteriors(net, sound)) < 1e-3
    assert "MatMul" not in kinds[True] and "MatMul" in kinds[False]


def test_a_long_recording_run_in_pieces_gives_the_notes_of_the_whole(nocturne, monkeypatch):
    net, settings = named("main-0")
    monkeypatch.setattr(export, "PIECE_FRAMES", 400)
    found = export.run_graph(export.graph("main-0", net, settings), nocturne)
    ours = model.posteriors(net, nocturne)
    assert furthest(found, ours) < 1e-3
    decoder = PeakDecoder(**settings)
    notes, reference = decoder(found), decoder(ours)
    assert len(reference) > 100
    assert len(match(reference, notes).hits) >= 0.99 * max(len(notes), len(reference))
    assert np.array_equal(found.times, ours.times)


def test_the_released_network_is_run_in_its_windows():
    net, settings = named("released")
    voice = singer()
    found = export.run_graph(export.graph("released", net, settings), voice)
    ours = model.posteriors(net, voice)
    assert furthest(found, ours) < 1e-3
    notes, reference = decoding.decode(found), decoding.decode(ours)
    assert len(match(reference, notes).hits) >= 0.99 * max(len(notes), len(reference), 1)


@pytest.mark.parametrize("normalisation", ["fixed", "released"])
@pytest.mark.parametrize("samples", [1, 5000, 30_001])
def test_short_recordings_have_posteriors_too(samples, normalisation):
    net = randomised(Config(normalisation=normalisation))
    sound = Recording(0.1 * np.random.default_rng(0).standard_normal(samples), NMP.sample_rate)
    found = export.run_graph(export.graph("short", net), sound)
    assert len(found) == samples // NMP.hop + 1
    assert furthest(found, model.posteriors(net, sound)) < 1e-3


@pytest.mark.parametrize("normalisation", ["fixed", "released"])
def test_silence_is_believed_alike(normalisation):
    net, silence = randomised(Config(normalisation=normalisation)), Recording(np.zeros(60_000), NMP.sample_rate)
    assert furthest(export.run_graph(export.graph("silence", net), silence), model.posteriors(net, silence)) < 1e-3


def test_pieces_keep_every_frame_once(monkeypatch):
    monkeypatch.setattr(export, "PIECE_FRAMES", 100)
    for config in (Config(), Config(normalisation="fixed")):
        plan = export.plan("pieces", randomised(config))
        for samples in (1, 27_000, 27_904, 500_000, 512_001):
            kept = [
                piece.place + i
                for piece in export.pieces(plan, samples)
                for i in range(piece.kept.stop - piece.kept.start)
            ]
            assert kept == list(range(samples // NMP.hop + 1))


def test_the_command_writes_a_graph_that_tells_how_it_is_run(tmp_path, capsys):
    assert cli.main(["export", "main-0", "-o", str(tmp_path)]) == 0
    path = tmp_path / "main-0.onnx"
    assert capsys.readouterr().out.strip() == str(path)
    written = onnx.load(path)
    assert [one.name for one in written.graph.input] == ["audio", "first", "last"]
    assert [one.name for one in written.graph.output] == list(HEADS)
    plan = export.read_plan({one.key: one.value for one in written.metadata_props})
    assert plan == export.plan("main-0", *named("main-0"))
    assert plan.decoder["note_threshold"] > 0 and not plan.windows


def test_a_graph_that_exists_is_kept_unless_asked(tmp_path, capsys):
    kept = tmp_path / "main-0.onnx"
    kept.write_text("mine")
    assert cli.main(["export", "main-0", "-o", str(tmp_path)]) == 2
    assert "--overwrite" in capsys.readouterr().err and kept.read_text() == "mine"
    assert cli.main(["export", "main-0", "-o", str(tmp_path), "--overwrite"]) == 0
    assert len(onnx.load(kept).graph.node) > 50


def test_what_cannot_be_exported_is_refused(tmp_path, capsys):
    assert cli.main(["export", "main-99", "-o", str(tmp_path)]) == 2
    assert "main-99" in capsys.readouterr().err and not list(tmp_path.iterdir())
    with pytest.raises(InputError, match="median"):
        export.graph("median", randomised(Config(median=3)))
