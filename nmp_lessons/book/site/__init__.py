"""The Sphinx extension that turns executed chapters into a site that depends on no other server.

Chapters are MyST-NB notebooks (``book/<slug>.md``). Besides plain MyST they may use

=========================  =====================================================================
``{question}``             the question that the chapter answers, in one sentence; comes first
``{outcomes}``             a list of what the reader will be able to do
``{predict}``              a guess to make before reading on
``{fold} Title``           folded text (an answer, a hint, a solution); works without JavaScript
``{goes-wrong}``           a bug or misconception, reproduced and repaired
``{constant}`0.5```        a number that is cited or defined, not measured by us
=========================  =====================================================================

and put the folded answer inside its box, with more colons outside than inside::

    ::::{predict}
    How many of the seven lines can a kernel of five bins see at once?

    :::{fold} Answer
    One: the octave is 36 bins away.
    :::
    ::::

The extension's tasks, one module for each:

- `execution`: chapters run in parallel, and only when the code that they call has changed;
- `assets`: sounds and pictures become files; nothing is requested from another server;
- `mathematics`: formulas are rendered at build time;
- `prose`: decimals and percentages typed into prose, and pictures without alt text, fail the build;
- `directives`: the directives above;
- `previews`: what search engines and messengers show for a page;
- `launch`: buttons that open a chapter on Binder or Colab;
- `notebooks`: each chapter as a notebook to download;
- `verified`: when, and with which versions, a page was last verified.
"""

from sphinx.application import Sphinx

from ..answers import pages
from . import assets, directives, execution, launch, mathematics, notebooks, previews, prose, verified


def setup(app: Sphinx) -> dict:
    """Called by Sphinx."""
    app.add_config_value("comments_config", {}, "")  # Jupyter Book sets it for an extension that we leave out
    for part in (execution, directives, pages, prose, assets, mathematics, previews, launch, notebooks, verified):
        part.setup(app)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
