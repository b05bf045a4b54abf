from . import (
    containers as containers,
    decoders as decoders,
    formats as formats,
    instruments as instruments,
    levels as levels,
    mp3 as mp3,
    piano as piano,
    pieces as pieces,
    recording as recording,
    rooms as rooms,
    streams as streams,
)
from .formats import (
    FORMATS as FORMATS,
    RATES as RATES,
    load as load,
    save as save,
)
from .instruments import (
    BANK_SECONDS as BANK_SECONDS,
    DEBIAN as DEBIAN,
    FLUID as FLUID,
    MUSESCORE as MUSESCORE,
    PIANOS as PIANOS,
    RATE as RATE,
    SALAMANDER_LAYERS as SALAMANDER_LAYERS,
    TIMGM as TIMGM,
    VELOCITIES as VELOCITIES,
    Piano as Piano,
    bank as bank,
    play as play,
    string_piano as string_piano,
    sympathetic_strings as sympathetic_strings,
)
from .levels import (
    HIGHEST_PEAK as HIGHEST_PEAK,
    LOUDNESS as LOUDNESS,
    LOUDNESS_BLOCK as LOUDNESS_BLOCK,
    at_loudness as at_loudness,
    fade as fade,
    loudness as loudness,
)
from .piano import (
    ATTACK_LEVEL as ATTACK_LEVEL,
    ATTACK_SPAN as ATTACK_SPAN,
    CREDIT as CREDIT,
    DAMPED_SPAN as DAMPED_SPAN,
    DAMPING as DAMPING,
    HEADROOM as HEADROOM,
    LAST_DAMPED as LAST_DAMPED,
    LAYERS as LAYERS,
    LEVEL_SPAN as LEVEL_SPAN,
    LONGEST as LONGEST,
    PRE_ROLL as PRE_ROLL,
    PREPARATION as PREPARATION,
    QUIETEST as QUIETEST,
    RECORDED_EVERY as RECORDED_EVERY,
    fingerprint as fingerprint,
    note as note,
    render as render,
)
from .recording import (
    Recording as Recording,
)
from .rooms import (
    BANDS as BANDS,
    DECAY_DB as DECAY_DB,
    FADING as FADING,
    in_room as in_room,
    room as room,
)
from .streams import (
    Spool as Spool,
    Stream as Stream,
)
