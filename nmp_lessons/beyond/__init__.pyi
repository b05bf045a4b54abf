from . import (
    design as design,
    export as export,
    gru as gru,
    quantisation as quantisation,
    separable as separable,
    transformer as transformer,
)
from .design import (
    SEMITONE as SEMITONE,
    Design as Design,
)
from .export import (
    OPSET as OPSET,
    PIECE_FRAMES as PIECE_FRAMES,
    Piece as Piece,
    Plan as Plan,
    graph as graph,
    pieces as pieces,
    plan as plan,
    read_plan as read_plan,
    run_graph as run_graph,
)
from .gru import (
    GRUConfig as GRUConfig,
    GRUNet as GRUNet,
)
from .quantisation import (
    Codes as Codes,
    quantise as quantise,
    quantise_weights as quantise_weights,
    stored_bytes as stored_bytes,
)
from .separable import (
    Mixing as Mixing,
    SeparableConfig as SeparableConfig,
    SeparableNet as SeparableNet,
)
from .transformer import (
    Attention as Attention,
    AttentionWeights as AttentionWeights,
    AxialBlock as AxialBlock,
    Transformer as Transformer,
    TransformerConfig as TransformerConfig,
    attention_weights as attention_weights,
    by_distance as by_distance,
)
