"""Values as lines of JSON, the only thing that passes between the judge and a submission's process.

Numbers, texts, lists, tuples, sets, dictionaries, arrays and tensors pass as what they are, and whatever else can be
iterated over, such as a generator, as a list. Of Matplotlib axes pass
curves, dots, images, scales and labels; of PyTorch modules the kinds of layer listed in `LAYERS`, with their weights.
Nothing is unpickled and nothing evaluated, and every size is checked before memory is taken for it.

>>> decoded(encoded([1, (2.5, "a"), np.arange(3)]))
[1, (2.5, 'a'), array([0, 1, 2])]
"""

import base64
import json
import math
import zlib
from collections.abc import Callable, Iterable
from typing import IO, Any

import numpy as np

LINE = 48 * 2**20  # bytes of one message
ARRAYS = 512 * 2**20  # bytes of all arrays of one message, unpacked
WIDEST = 512  # kernel, stride, padding, dilation of a layer
LAYERS = {
    "Conv2d": ("in_channels", "out_channels", "kernel_size", "stride", "padding", "dilation", "groups"),
    "BatchNorm2d": ("num_features", "eps", "momentum", "affine", "track_running_stats"),
    "Linear": ("in_features", "out_features"),
    "ReLU": (),
    "Sigmoid": (),
    "Identity": (),
}
KINDS = "biufcU"  # of arrays: numbers and texts
CONTAINERS = ("ModuleDict", "ModuleList", "Sequential")


class Unfit(ValueError):
    """A value, or a message, that cannot pass."""


def send(stream: IO[bytes], message) -> None:
    """Write one message, as `encoded` made it."""
    line = json.dumps(message, ensure_ascii=True).encode() + b"\n"
    if len(line) > LINE:
        raise Unfit(f"a value of {len(line) / 2**20:.0f} MB is too large; at most {LINE / 2**20:.0f} can be judged")
    stream.write(line)
    stream.flush()


def receive(stream: IO[bytes]) -> Any:
    """Read one message. Raises `EOFError` at the end of the stream, `Unfit` if it is no message."""
    line = stream.readline(LINE + 1)
    if not line:
        raise EOFError
    if len(line) > LINE or not line.endswith(b"\n"):
        raise Unfit("the answer is too large, or incomplete")
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        raise Unfit("the answer is not in the form that was agreed on") from None


def encoded(value, leaves: list | None = None) -> Any:
    """A value as JSON can hold it.

    Parameters
    ----------
    leaves : list to which every tensor that wants a gradient is appended, in the order in which `decoded` finds them
    """
    leaves = [] if leaves is None else leaves
    if value is None or isinstance(value, bool | str):
        return str(value) if isinstance(value, str) else value
    if isinstance(value, int | float):
        return int(value) if isinstance(value, int) else float(value)
    if isinstance(value, np.generic):
        return encoded(value.item(), leaves)
    if isinstance(value, list):
        return [encoded(each, leaves) for each in value]
    if isinstance(value, tuple):
        return {"is": "tuple", "of": [encoded(each, leaves) for each in value]}
    if isinstance(value, set | frozenset):
        return {"is": "set", "of": [encoded(each, leaves) for each in value]}
    if isinstance(value, dict):
        return {"is": "dict", "of": [[encoded(key), encoded(each, leaves)] for key, each in value.items()]}
    if isinstance(value, np.ndarray):
        return {"is": "array", **_packed(value)}
    kinds = {each.__name__ for each in type(value).__mro__}
    if "Tensor" in kinds:
        if value.requires_grad:
            leaves.append(value)
        return {"is": "tensor", "grad": value.requires_grad, **_packed(value.detach().cpu().numpy())}
    if "Module" in kinds:
        return _module(value, leaves)
    if "Axes" in kinds:
        return _axes(value)
    if hasattr(value, "__float__"):
        return float(value)  # a fraction, a number of SymPy
    if isinstance(value, Iterable) and not isinstance(value, bytes | bytearray):
        return [encoded(each, leaves) for each in value]
    raise Unfit(f"a {type(value).__name__} cannot be judged; give numbers, texts, lists or arrays")


def decoded(data, leaves: list | None = None) -> Any:
    """What `encoded` encoded."""
    left = [ARRAYS]

    def made(data) -> Any:
        if isinstance(data, list):
            return [made(each) for each in data]
        if not isinstance(data, dict):
            return data
        return MAKERS[data["is"]](data, made, left, leaves if leaves is not None else [])

    try:
        return made(data)
    except Unfit:
        raise
    except Exception as problem:  # whatever a forged message makes these raise
        raise Unfit(f"the answer is not in the form that was agreed on ({type(problem).__name__})") from None


# Arrays


def _packed(array: np.ndarray) -> dict:
    if array.dtype.kind == "O":
        array = np.array(array.tolist())
    if array.dtype.kind not in KINDS:
        raise Unfit(f"an array of {array.dtype} cannot be judged; give one of numbers or texts")
    raw = np.ascontiguousarray(array).tobytes()
    return {
        "type": array.dtype.str,
        "shape": list(array.shape),
        "bytes": base64.b64encode(zlib.compress(raw, 1)).decode(),
    }


def _array(data: dict, left: list[int]) -> np.ndarray:
    kind, shape = np.dtype(str(data["type"])), [int(size) for size in data["shape"]]
    size = kind.itemsize * math.prod(shape)
    if kind.kind not in KINDS or min(shape, default=0) < 0 or size > left[0]:
        raise Unfit("an array is of the wrong kind, or too large")
    left[0] -= size
    raw = zlib.decompressobj().decompress(base64.b64decode(data["bytes"]), max_length=size + 1)
    return np.frombuffer(raw, kind).reshape(shape).copy()


def _tensor(data: dict, made: Callable, left: list[int], leaves: list):
    import torch

    found = torch.from_numpy(_array(data, left))
    if data["grad"]:
        leaves.append(found.requires_grad_())
    return found


# Layers


def _module(module, leaves: list) -> dict:
    from torch import nn

    kind = next((name for name in (*CONTAINERS, *LAYERS) if isinstance(module, getattr(nn, name))), None)
    if kind is None:
        raise Unfit(f"a {type(module).__name__} cannot be judged; give one of {', '.join([*LAYERS, *CONTAINERS])}")
    common = {"is": "module", "kind": kind, "training": module.training}
    if kind in CONTAINERS:
        return common | {"of": [[name, _module(child, leaves)] for name, child in module.named_children()]}
    parameters = dict(module.named_parameters(recurse=False))
    leaves += [each for each in parameters.values() if each.requires_grad]
    return common | {
        "options": {name: encoded(getattr(module, name)) for name in LAYERS[kind]},
        "bias": parameters.get("bias") is not None,
        "state": [[name, encoded(each.detach())] for name, each in module.state_dict().items()],
    }


def _layers(data: dict, made: Callable, left: list[int], leaves: list):
    import torch
    from torch import nn

    kind = data["kind"]
    if kind in CONTAINERS:
        children = [(str(name), made(child)) for name, child in data["of"]]
        module = getattr(nn, kind)()
        for name, child in children:
            module.add_module(name, child)
        return module.train(bool(data["training"]))
    options = {name: made(data["options"][name]) for name in LAYERS[kind]}
    for name in ("kernel_size", "stride", "padding", "dilation"):
        size = options.get(name, 0)
        if size not in ("same", "valid") and np.any(np.asarray(size) > WIDEST):
            raise Unfit(f"a layer has a {name} above {WIDEST}")
    if kind in ("Conv2d", "Linear"):
        options["bias"] = bool(data["bias"])
    with torch.device("meta"):  # takes no memory, whatever the numbers of channels
        module = getattr(nn, kind)(**options)
    module.load_state_dict({str(name): made(each) for name, each in data["state"]}, assign=True)
    leaves += [each for each in module.parameters() if each.requires_grad]
    return module.train(bool(data["training"]))


# Axes


def _axes(axes) -> dict:
    from matplotlib.colors import to_hex

    lines = [(line.get_xydata(), line.get_color(), line.get_label()) for line in axes.lines]
    clouds = []
    for each in axes.collections:
        if hasattr(each, "get_segments"):  # as `hlines` draws; the first line keeps the label
            colours = np.resize(each.get_colors(), (len(each.get_segments()), 4))
            labels = [each.get_label(), *["_"] * len(colours)]
            lines += zip(each.get_segments(), colours, labels, strict=False)
        else:
            clouds.append(np.asarray(each.get_offsets(), dtype=float))
    return {
        "is": "axes",
        "lines": [_packed(np.asarray(points, dtype=float)) for points, _, _ in lines],
        "styles": [[to_hex(colour), str(label)] for _, colour, label in lines],
        "clouds": [_packed(points) for points in clouds],
        "images": [_packed(np.ma.filled(image.get_array(), np.nan)) for image in axes.images],
        "scales": [axes.get_xscale(), axes.get_yscale()],
        "labels": [axes.get_xlabel(), axes.get_ylabel(), axes.get_title()],
    }


def _drawn(data: dict, made: Callable, left: list[int], leaves: list):
    from matplotlib.figure import Figure

    axes = Figure().subplots()
    for points, (colour, label) in zip(data["lines"], data["styles"], strict=True):
        axes.plot(*_array(points, left).reshape(-1, 2).T, color=str(colour), label=str(label))
    for points in data["clouds"]:
        axes.scatter(*_array(points, left).reshape(-1, 2).T)
    for image in data["images"]:
        axes.imshow(_array(image, left), aspect="auto")
    known = ("linear", "log", "symlog", "logit")
    across, up = (scale if scale in known else "linear" for scale in data["scales"])
    xlabel, ylabel, title = map(str, data["labels"])
    axes.set(xscale=across, yscale=up, xlabel=xlabel, ylabel=ylabel, title=title)
    return axes


MAKERS: dict[str, Callable] = {
    "tuple": lambda data, made, left, leaves: tuple(map(made, data["of"])),
    "set": lambda data, made, left, leaves: set(map(made, data["of"])),
    "dict": lambda data, made, left, leaves: {made(key): made(each) for key, each in data["of"]},
    "array": lambda data, made, left, leaves: _array(data, left),
    "tensor": _tensor,
    "module": _layers,
    "axes": _drawn,
}
