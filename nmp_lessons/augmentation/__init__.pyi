from . import (
    denoising as denoising,
    features as features,
    interference as interference,
    waveforms as waveforms,
)
from .denoising import (
    FLOOR as FLOOR,
    RATIOS as RATIOS,
    WINDOW as WINDOW,
    Denoiser as Denoiser,
    error_in_db as error_in_db,
    filtered as filtered,
    pairs as pairs,
    posterior_mean as posterior_mean,
    train as train,
    tweedie as tweedie,
)
from .features import (
    FeatureAugmentation as FeatureAugmentation,
    coloured as coloured,
    irrelevant_levels as irrelevant_levels,
    transposed as transposed,
)
from .interference import (
    babble as babble,
    hum as hum,
    sweep as sweep,
)
from .waveforms import (
    EFFECT as EFFECT,
    band_powers as band_powers,
    block_powers as block_powers,
    delay as delay,
    equalise as equalise,
    faster as faster,
    gain as gain,
    interfere as interfere,
    low_pass as low_pass,
    mask_time as mask_time,
    mixup as mixup,
    random_equaliser as random_equaliser,
    reverberate as reverberate,
    split_by_mask as split_by_mask,
    transpose as transpose,
    white_noise as white_noise,
)
