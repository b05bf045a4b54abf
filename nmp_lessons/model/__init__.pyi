from . import (
    inference as inference,
    inspection as inspection,
    network as network,
    posteriorgram as posteriorgram,
    released as released,
)
from .inference import (
    BATCH as BATCH,
    CHUNK_FRAMES as CHUNK_FRAMES,
    KEPT as KEPT,
    OVERLAP as OVERLAP,
    PIECE_FRAMES as PIECE_FRAMES,
    as_posteriors as as_posteriors,
    at_model_rate as at_model_rate,
    feature_posteriors as feature_posteriors,
    fixed_features as fixed_features,
    posteriors as posteriors,
    run_windows as run_windows,
    windows as windows,
)
from .inspection import (
    Layer as Layer,
    ReceptiveField as ReceptiveField,
    layers as layers,
    multiply_adds as multiply_adds,
    receptive_field as receptive_field,
)
from .network import (
    CHOICES as CHOICES,
    BatchNorm as BatchNorm,
    Config as Config,
    Heads as Heads,
    NMPNet as NMPNet,
    Transcriber as Transcriber,
    folded as folded,
    median_in_time as median_in_time,
    middle as middle,
    probabilities as probabilities,
)
from .posteriorgram import (
    Decoder as Decoder,
    Posteriors as Posteriors,
)
from .released import (
    CENTRE as CENTRE,
    DATA as DATA,
    FOLDER as FOLDER,
    INDEX as INDEX,
    LABEL_RATE as LABEL_RATE,
    LAYERS as LAYERS,
    MAGIC as MAGIC,
    NAMES as NAMES,
    ONNX as ONNX,
    RELEASED_HOP as RELEASED_HOP,
    load as load,
    onnx_model as onnx_model,
    released_times as released_times,
    true_times as true_times,
    variables as variables,
    weights as weights,
    windowed_posteriors as windowed_posteriors,
)
