"""What a reader sees and hears: the player, the explorables and the book's one plot style.

`listen` makes the player, `explore` an explorable, `errors` the error explorer, `blind` a blind comparison, and
the `plot_…` functions the book's figures; each is shown by being a cell's last line. A player takes its caption
and description as arguments. A figure takes them from the cell's metadata, where MyST-NB finds
them::

    ---
    mystnb:
      image:
        alt: What a reader who does not see the figure should know.
      figure:
        name: fig-a-name
        caption: What the figure shows.
    ---

More about figures, and about dark pages, stands in `nmp_lessons.show.plots`.
"""

from .blind import blind
from .colours import COLOURS
from .embed import Html, table
from .errors import errors
from .explore import explore
from .listen import Picture, cqt_picture, listen, posteriors_picture
from .plots import (
    draw_notes,
    draw_picture,
    draw_recording,
    figure,
    plot_cqt,
    plot_notes,
    plot_picture,
    plot_posteriors,
    plot_recording,
    use_style,
)
from .transcriber import transcriber
