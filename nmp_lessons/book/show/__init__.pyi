from .blind_comparison import (
    blind as blind,
)
from .colours import (
    COLOURS as COLOURS,
)
from .embed import (
    Html as Html,
    table as table,
)
from .error_explorer import (
    errors as errors,
)
from .explorable import (
    explore as explore,
)
from .live_control import (
    Slider as Slider,
    head_bytes as head_bytes,
    kernel_data as kernel_data,
    live as live,
)
from .page_trainer import (
    heard as heard,
    page_run as page_run,
    page_training as page_training,
)
from .page_transcriber import (
    own_sound as own_sound,
    transcriber as transcriber,
)
from .pictures import (
    Picture as Picture,
    cqt_picture as cqt_picture,
    posteriors_picture as posteriors_picture,
)
from .player import (
    listen as listen,
)
from .plots import (
    draw_notes as draw_notes,
    draw_picture as draw_picture,
    draw_recording as draw_recording,
    figure as figure,
    plot_cqt as plot_cqt,
    plot_notes as plot_notes,
    plot_picture as plot_picture,
    plot_posteriors as plot_posteriors,
    plot_recording as plot_recording,
)
