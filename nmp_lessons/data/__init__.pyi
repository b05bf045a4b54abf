from . import (
    asap as asap,
    maestro as maestro,
    store as store,
    vocadito as vocadito,
)
from .asap import (
    LET_IN as LET_IN,
    LET_IN_OP_22 as LET_IN_OP_22,
    SPLIT as SPLIT,
    derive_split as derive_split,
    performances as performances,
)
from .maestro import (
    BOOK_LICENCE as BOOK_LICENCE,
    EXCERPTS as EXCERPTS,
    INDEX as INDEX,
    LICENCE as LICENCE,
    RENDERING as RENDERING,
    SPLITS as SPLITS,
    Maestro as Maestro,
    Performance as Performance,
    book_set as book_set,
    fingerprint as fingerprint,
    full_notes as full_notes,
    index as index,
    performance as performance,
    statistics as statistics,
)
from .store import (
    BINS as BINS,
    CLIP_FRAMES as CLIP_FRAMES,
    CLIP_SECONDS as CLIP_SECONDS,
    ONSET_STEPS as ONSET_STEPS,
    QUIETEST as QUIETEST,
    ROW as ROW,
    STEPS as STEPS,
    Corpus as Corpus,
    Joined as Joined,
    levels as levels,
)
from .vocadito import (
    singer as singer,
)
