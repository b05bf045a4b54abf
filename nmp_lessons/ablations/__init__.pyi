from . import (
    comparison as comparison,
    conditions as conditions,
    filters as filters,
    measurement as measurement,
    runs as runs,
)
from .comparison import (
    INCONCLUSIVE as INCONCLUSIVE,
    PAPER as PAPER,
    Comparison as Comparison,
    Sources as Sources,
    baseline_for as baseline_for,
    compare as compare,
    holm as holm,
    recorded as recorded,
    sources as sources,
    standing as standing,
    two_way_bootstrap as two_way_bootstrap,
    verdict as verdict,
)
from .conditions import (
    CONDITIONS as CONDITIONS,
    EXCERPT_SECONDS as EXCERPT_SECONDS,
    EXCERPTS as EXCERPTS,
    disturbed_clip as disturbed_clip,
    robustness as robustness,
)
from .filters import (
    NO_FILTER as NO_FILTER,
    Filter as Filter,
    filtered_posteriors as filtered_posteriors,
    measure_filters as measure_filters,
    measured_filters as measured_filters,
    scored_clips as scored_clips,
    sign_flip_p as sign_flip_p,
)
from .measurement import (
    CURVES as CURVES,
    ERRORS as ERRORS,
    Real as Real,
    decoder_named as decoder_named,
    measure as measure,
    measure_decoders as measure_decoders,
    measure_errors as measure_errors,
    measure_released as measure_released,
    measured_errors as measured_errors,
    real_recordings as real_recordings,
    rival_decoders as rival_decoders,
)
from .runs import (
    BASELINES as BASELINES,
    HEADS as HEADS,
    LONG as LONG,
    MAIN as MAIN,
    OTHERS as OTHERS,
    OURS as OURS,
    SEEDS as SEEDS,
    SHORT as SHORT,
    VARIANTS as VARIANTS,
    experiments as experiments,
    recipe as recipe,
    state as state,
)
