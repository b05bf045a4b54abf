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

More about figures, and about dark pages, stands in `nmp_lessons.book.show.plots`.
"""

import lazy_loader

from ...errors import needs

needs("chapters", "IPython", "ipywidgets", "matplotlib", "PIL")
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
