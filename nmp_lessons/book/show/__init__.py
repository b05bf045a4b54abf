"""What a reader sees and hears: the player, the explorables and the book's one plot style.

`listen` makes the player, `live` a control that computes in the page, `explore` one that moves between frames, `errors`
the error explorer, `blind` a blind comparison, and the `plot_…` functions the book's figures; each is displayed when
it is the last line of a cell. A player takes its caption and description as arguments. A figure takes them from the
cell's metadata, where MyST-NB finds them::

    ---
    mystnb:
      image:
        alt: What a reader who can't see the figure should know.
      figure:
        name: fig-a-name
        caption: What the figure shows.
    ---

For more about figures, and about dark pages, see `nmp_lessons.book.show.plots`.
"""

import lazy_loader

from ...errors import needs

needs("chapters", "IPython", "ipywidgets", "matplotlib", "PIL")
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
