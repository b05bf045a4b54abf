from . import (
    checkpoints as checkpoints,
    corpus as corpus,
    distillation as distillation,
    loop as loop,
    maestro_clips as maestro_clips,
    recipe as recipe,
    sampling as sampling,
    scaling as scaling,
    soap as soap,
    validation as validation,
)
from .checkpoints import (
    BEST as BEST,
    CHECKPOINTS as CHECKPOINTS,
    load as load,
    named as named,
    save as save,
)
from .corpus import (
    FEWEST as FEWEST,
    ONSET_WIDTH as ONSET_WIDTH,
    SPEED_OF_SOUND as SPEED_OF_SOUND,
    clip as clip,
    default_pianos as default_pianos,
    degrade as degrade,
    encode_targets as encode_targets,
    render_corpus as render_corpus,
    stored_clip as stored_clip,
    stored_levels as stored_levels,
)
from .distillation import distilled as distilled
from .loop import (
    CommonNorm as CommonNorm,
    Progress as Progress,
    Task as Task,
    best_precision as best_precision,
    can_compile as can_compile,
    default_fabric as default_fabric,
    memory as memory,
    new_model as new_model,
    recalibrate_batchnorm as recalibrate_batchnorm,
    train as train,
)
from .maestro_clips import (
    CLIP_BYTES as CLIP_BYTES,
    KILLS as KILLS,
    SPARE as SPARE,
    SPLITS as SPLITS,
    clip_targets as clip_targets,
    clips as clips,
    cut_corpus as cut_corpus,
    starts as starts,
)
from .recipe import (
    CONFIGS as CONFIGS,
    OPTIMISERS as OPTIMISERS,
    Recipe as Recipe,
    config_of as config_of,
)
from .sampling import (
    Clips as Clips,
    batch as batch,
    batches as batches,
    book_clips as book_clips,
    draw_windows as draw_windows,
    stored_targets as stored_targets,
)
from .scaling import (
    MEASURED as MEASURED,
    NUMBERS as NUMBERS,
    RATE_ON_DISK as RATE_ON_DISK,
    READ as READ,
    Fit as Fit,
    fit as fit,
    fit_stage as fit_stage,
    making as making,
    measured as measured,
    typical as typical,
    whole as whole,
)
from .soap import (
    SOAP as SOAP,
)
from .validation import (
    clip_posteriors as clip_posteriors,
    fit_decoder as fit_decoder,
    validate as validate,
)
