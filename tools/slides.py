"""Slides for lectures, made from the built chapters: ``make slides`` writes ``_build/html/slides-CHAPTER.html``.

Every figure, player, control, table, box and equation of a chapter becomes a slide under the heading that it has in
the chapter; the prose around it becomes the speaker notes of that slide. The decks use the site's own files, so they
need no network. They run on reveal.js (MIT): arrow keys turn the slides, S opens the notes in a window of their own.
"""

import re
import shutil
from collections.abc import Iterable
from copy import copy
from pathlib import Path

from bs4 import BeautifulSoup
from bs4.element import NavigableString, PageElement, Tag

from nmp_lessons.book.answers.instructor import openings
from nmp_lessons.book.site.assets import ALLOWED

SITE = Path("_build/html")
REVEAL = Path("web/node_modules/reveal.js/dist")
STYLE = Path(__file__).with_name("slides.css")
EQUATIONS = 2  # at most, on one slide
MOST_SENTENCES = 4  # of a section without anything to be seen: how its first paragraphs begin
SENTENCE_END = re.compile(r"(?<=[.!?:])\s+(?=[A-Z“])")
LEFT_OUT = ("exercises", "further-reading")


class Deck:
    """The slides of one chapter as they are collected, heading by heading."""

    def __init__(self):
        self.groups: list[list[dict]] = []  # slides below each other, as reveal.js has it

    def heading(self, title: Tag) -> None:
        for link in title.select(".headerlink"):
            link.decompose()
        slide = {"title": title.decode_contents(), "blocks": [], "notes": []}
        self.groups.append([slide])

    def prose(self, element: Tag) -> None:
        """Add to the notes of the present slide."""
        self.groups[-1][-1]["notes"].append(element)

    def block(self, element: Tag) -> None:
        """Something to be seen: on the present slide if that has nothing yet, else on a new one below."""
        group = self.groups[-1]
        slide = group[-1]
        is_equation = _is_equation(element)
        shown = [each for each in slide["blocks"] if each.get("class") != ["lead"]]
        joins = is_equation and len(shown) < EQUATIONS and all(map(_is_equation, shown))
        if shown and not joins:
            slide = {"title": group[0]["title"], "blocks": [], "notes": []}
            group.append(slide)
        lead = self._lead(slide)
        needs_lead = is_equation or _is_code(element) or element.name in ("ul", "ol")
        slide["blocks"] += [lead, element] if lead and needs_lead else [element]

    def _lead(self, slide: dict) -> Tag | None:
        """The last sentence before an equation or a cell, without which it could not be read."""
        group = self.groups[-1]
        before = slide["notes"] or (group[group.index(slide) - 1]["notes"] if len(group) > 1 else [])
        return None if not before or before[-1].name != "p" else _last_sentence(before[-1])

    def html(self) -> str:
        """The slides in the form of reveal.js."""
        return "\n".join(f"<section>{''.join(map(_slide, group))}</section>" for group in self.groups)


def _slide(slide: dict) -> str:
    blocks = "".join(str(block) for block in slide["blocks"] or map(_first_sentence, slide["notes"][:MOST_SENTENCES]))
    notes = "".join(str(note) for note in slide["notes"])
    return f'<section><h2>{slide["title"]}</h2>{blocks}<aside class="notes">{notes}</aside></section>\n'


def _is_equation(element: Tag) -> bool:
    return "math-block" in element.get("class", [])


def _is_code(element: Tag) -> bool:
    return element.select_one(".cell_input") is not None


def _last_sentence(paragraph: Tag) -> Tag:
    """The end of a paragraph, from where its last sentence begins."""
    return _sentence(reversed(list(paragraph.children)), -1)


def _first_sentence(paragraph: Tag) -> Tag:
    """The beginning of a paragraph, up to where its first sentence ends."""
    return _sentence(paragraph.children, 0)


def _sentence(children: Iterable[PageElement], which: int) -> Tag:
    kept: list[PageElement] = []
    for child in children:
        if not isinstance(child, NavigableString):
            kept.append(copy(child))
            continue
        parts = SENTENCE_END.split(str(child))
        kept.append(NavigableString(parts[which]))
        if len(parts) > 1 and "".join(each.get_text() for each in kept).strip():
            break
    lead = Tag(name="p", attrs={"class": ["lead"]})
    lead.extend(kept[:: which or 1])
    for element in lead.select("[id]"):
        del element["id"]
    return lead


def collect(deck: Deck, section: Tag) -> None:
    """Walk through a section of the page and its subsections."""
    for element in section.find_all(recursive=False):
        classes = element.get("class", [])
        if element.name == "section":
            if element.get("id") not in LEFT_OUT:
                collect(deck, element)
        elif re.fullmatch("h[1-6]", element.name):
            deck.heading(element)
        elif "cell" in classes:
            _cell(deck, element)
        elif "nmp-box" in classes or _is_equation(element) or element.name in ("figure", "table", "ul", "ol"):
            deck.block(element)
        elif element.name.startswith("nmp-") or element.find(re.compile("^(nmp-|figure$|table$)")):
            deck.block(element)
        elif element.name != "span":
            deck.prose(element)


def _cell(deck: Deck, cell: Tag) -> None:
    """A cell is shown with its code if the chapter shows that, otherwise its output alone."""
    for fold in cell.select("details.hide"):
        fold.decompose()
    if cell.select_one(".cell_output") or cell.select_one(".cell_input"):
        deck.block(cell)


def deck(chapter: str) -> str:
    """The page of slides that is made from the page of a chapter."""
    page = BeautifulSoup(chapter, "html.parser")
    article = page.select_one("article.bd-article > section")
    assert article is not None and page.head is not None, "not a page of the book"
    made = Deck()
    collect(made, article)
    shared = re.compile("built/|site.css|favicon")
    head = "".join(
        str(element)
        for element in page.head.find_all(["meta", "title", "link", "script"], recursive=False)
        if element.name in ("title", "meta") or shared.search(str(element.get("href") or element.get("src")))
    )
    # Scripts in the page are allowed here: reveal.js writes one into the window with the notes.
    return PAGE.format(head=ALLOWED.sub(r"\1 'unsafe-inline'", head), slides=made.html())


PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
{head}
<link rel="stylesheet" href="slides/reset.css"><link rel="stylesheet" href="slides/reveal.css">
<link rel="stylesheet" href="slides/slides.css">
</head>
<body>
<div class="reveal"><div class="slides">
{slides}
</div></div>
<script src="slides/reveal.js"></script><script src="slides/plugin/notes.js"></script>
<script>
Reveal.initialize({{ plugins: [RevealNotes], hash: true, center: false, width: "100%", height: "100%", margin: 0,
  minScale: 1, maxScale: 1, transition: "none" }});
const fit = ({{ currentSlide: slide }}) => {{
  slide.style.zoom = "";
  const room = slide.clientHeight / slide.scrollHeight;
  if (room < 1) slide.style.zoom = Math.max(0.6, room);
}};
Reveal.on("ready", fit);
Reveal.on("slidechanged", fit);
</script>
</body>
</html>
"""


def main(site: Path = SITE, output: Path = SITE) -> list[Path]:
    """Write the decks of all chapters, and what they share, beside the pages of the site."""
    (output / "slides" / "plugin").mkdir(parents=True, exist_ok=True)
    for name in ("reset.css", "reveal.css", "reveal.js", "plugin/notes.js"):
        shutil.copyfile(REVEAL / name, output / "slides" / name)
    shutil.copyfile(STYLE, output / "slides" / STYLE.name)
    paths = [output / f"slides-{opening.slug}.html" for opening in openings()]
    for path in paths:
        path.write_text(deck((site / path.name.removeprefix("slides-")).read_text("utf8")), "utf8")
    return paths


if __name__ == "__main__":
    print(*main(), sep="\n")
