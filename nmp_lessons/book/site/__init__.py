"""The Sphinx extension that turns executed chapters into a site which needs no other server.

Chapters are MyST-NB notebooks (``book/<slug>.md``). Besides plain MyST they may use

=========================  =====================================================================
``{question}``             the one sentence that the chapter answers; stands first
``{outcomes}``             a list: what the reader can do afterwards
``{predict}``              a guess to make before reading on
``{fold} Title``           folded text (an answer, a hint, a solution); works without JavaScript
``{goes-wrong}``           a bug or misconception, reproduced and repaired
``{constant}`0.5```        a number that is cited or defined, not measured by us
=========================  =====================================================================

and write the folded answer inside its box, with more colons outside than inside::

    ::::{predict}
    How many of the seven lines can a kernel of five bins see at once?

    :::{fold} Answer
    One: the octave is 36 bins away.
    :::
    ::::

What the extension does, one module each:

- `execution`: chapters run in parallel and are kept until the code that they call changes;
- `assets`: sounds and pictures leave the page as files; nothing is asked of another server;
- `mathematics`: formulas are rendered at build time;
- `prose`: decimals and percentages typed into prose, and pictures without alt text, fail the build;
- `directives`: the directives above;
- `previews`: what search engines and messengers show of a page;
- `launch`: buttons that open a chapter on Binder or Colab;
- `notebooks`: each chapter as a notebook to take home;
- `verified`: when, and with which versions, a page was last verified.
"""

from sphinx.application import Sphinx

from . import assets, directives, execution, launch, mathematics, notebooks, previews, prose, verified


def setup(app: Sphinx) -> dict:
    """Called by Sphinx."""
    app.add_config_value("comments_config", {}, "")  # Jupyter Book sets it for an extension that we leave out
    for part in (execution, directives, prose, assets, mathematics, previews, launch, notebooks, verified):
        part.setup(app)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
