"""Trained networks on disk: weights as safetensors, and the record of everything that led to them as JSON.

Chapter ``training``. Nothing is pickled, and files are written completely or not at all.
"""

import json
import os
from difflib import get_close_matches
from pathlib import Path

import safetensors
import safetensors.torch

from ..errors import InputError
from ..files import CHECKPOINTS, atomic_write
from ..model import released
from ..model.network import Transcriber
from .recipe import Recipe

BEST = {"piano": "separable-main-0"}  # the book's best network for an instrument, under a name that stays


class Record(dict):
    """The record of a run. To ask for a field that it lacks is an InputError that names the file.

    >>> Record({"seed": 0}, path=Path("a.json"))["steps"]
    Traceback (most recent call last):
    nmp_lessons.errors.InputError: a.json: has no field 'steps'; train it again, or restore it from the repository.
    """

    def __init__(self, fields: dict, *, path: Path):
        super().__init__(fields)
        self._path = path

    def __missing__(self, field: str):
        raise InputError(f"{self._path}: has no field {field!r}; train it again, or restore it from the repository.")


def named(name: str) -> tuple[Transcriber, dict | None]:
    """The network of a run and its decoder. "released" is Spotify's network, which has a decoder of its own (None).

    "piano" is the best network of this book (`BEST`).

    Raises
    ------
    InputError
        If there is no such run.
    """
    if name == "released":
        return released.load(), None
    model, record = load(name)
    return model, record["decoder"]


def save(model: Transcriber, record: dict, folder: str | os.PathLike) -> None:
    """Write ``NAME.safetensors`` and ``NAME.json``, each completely or not at all."""
    folder = Path(folder)
    weights = {name: tensor.contiguous() for name, tensor in model.state_dict().items()}
    with atomic_write(folder / f"{record['name']}.safetensors") as scratch:
        scratch.write_bytes(safetensors.torch.save(weights))
    with atomic_write(folder / f"{record['name']}.json") as scratch:
        scratch.write_text(json.dumps(record, indent=1) + "\n", "utf8")


def load(name: str, *, folder: str | os.PathLike = CHECKPOINTS) -> tuple[Transcriber, dict]:
    """A trained network, ready to transcribe, and its record.

    Parameters
    ----------
    name : str
        A run, or a name in `BEST`.
    folder : path, optional
        Where the weights and the record are; by default the book's own checkpoints.

    Raises
    ------
    InputError
        If there is no such checkpoint, or its weights do not fit the network that its record names; later, if the
        record is asked for a field that it lacks.

    Examples
    --------
    >>> model, record = load("piano")
    >>> record["name"]
    'separable-main-0'
    """
    name = BEST.get(name, name)
    weights_path, record_path = (Path(folder) / f"{name}{suffix}" for suffix in (".safetensors", ".json"))
    if not (weights_path.exists() and record_path.exists()):
        known = [path.stem for path in Path(folder).glob("*.json")]
        near = sorted(get_close_matches(name, known, n=5, cutoff=0))
        there = f"the nearest of {len(known)} names are {', '.join(near)}" if known else "this folder has none"
        raise InputError(f"{weights_path}: no such checkpoint; {there}.")
    try:
        record = json.loads(record_path.read_text("utf8"))
        model = Recipe.from_json(record["recipe"]).model.network()
        model.load_state_dict(safetensors.torch.load(weights_path.read_bytes()))
    except (ValueError, KeyError, TypeError, RuntimeError, safetensors.SafetensorError) as problem:
        raise InputError(
            f"{weights_path}: these are not the weights of the network in {record_path.name} "
            f"({str(problem).splitlines()[0]}); train it again, or restore it from the repository."
        ) from problem
    return model.eval(), Record(record, path=record_path)
