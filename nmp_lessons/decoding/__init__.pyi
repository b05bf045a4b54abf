from . import (
    blockwise as blockwise,
    fitting as fitting,
    peak_decoder as peak_decoder,
    pitch_bends as pitch_bends,
    released as released,
)
from .blockwise import (
    peak_notes as peak_notes,
    released_notes as released_notes,
)
from .fitting import (
    CHOICES as CHOICES,
    RIDGE as RIDGE,
    THRESHOLDS as THRESHOLDS,
    best_options as best_options,
    best_threshold as best_threshold,
    fit_peak_decoder as fit_peak_decoder,
)
from .peak_decoder import (
    AROUND as AROUND,
    CANDIDATE as CANDIDATE,
    PeakDecoder as PeakDecoder,
    candidates as candidates,
    evidence as evidence,
    hysteresis as hysteresis,
    vertex as vertex,
)
from .pitch_bends import (
    BEND_REACH as BEND_REACH,
    BEND_SPREAD as BEND_SPREAD,
    bends as bends,
    sing as sing,
)
from .released import (
    FRAME_THRESHOLD as FRAME_THRESHOLD,
    NEIGHBOURS as NEIGHBOURS,
    ONSET_THRESHOLD as ONSET_THRESHOLD,
    ORDERS as ORDERS,
    PATIENCE as PATIENCE,
    SHORTEST as SHORTEST,
    SPAN as SPAN,
    check_recording as check_recording,
    decode as decode,
    peaks as peaks,
    rises as rises,
    with_inferred_onsets as with_inferred_onsets,
)
