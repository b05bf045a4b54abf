"""The whole book as one PDF, printed from the built site: `make pdf`.

Chromium prints every page in the order of the table of contents; pypdf joins them, with bookmarks, and a contents
page and page numbers that Chromium prints too. A sound is a link to its page where the site is published, as
far as ``repository: url`` in ``_config.yml`` tells; otherwise it says on which page of the site it is.
"""

import io
import re
import sys
from html import escape
from pathlib import Path
from urllib.parse import urlsplit

import yaml
from pypdf import PdfReader, PdfWriter

from tools.browser import launched, served

ROOT = Path(__file__).parents[1]
HTML = ROOT / "_build" / "html"
TARGET = ROOT / "_build" / "nmp-lessons.pdf"
MARGIN = {"top": "18mm", "bottom": "20mm", "left": "18mm", "right": "18mm"}
PAPER = {"format": "A4", "margin": MARGIN, "scale": 0.75}
PREPARE = """async ([page, site]) => {
  const there = target => site ? new URL(target, site).href : null;
  document.querySelectorAll("details").forEach(fold => { fold.open = true; });
  document.querySelectorAll("img").forEach(picture => { picture.loading = "eager"; });
  document.querySelectorAll("pre").forEach(code => { if (code.offsetHeight > 500) code.style.breakInside = "auto"; });
  for (const heard of document.querySelectorAll("nmp-player, audio:not(nmp-player audio)")) {
    const note = document.createElement("p"), where = site ? there(page) : page;
    note.className = "nmp-print-note";
    note.innerHTML = site ? `Listen: <a href="${where}">${where}</a>` : `Listen: page ${page} of the site.`;
    heard.after(note);
  }
  for (const link of document.querySelectorAll("a[href]")) {
    if (!link.href.startsWith(location.origin)) continue;
    const target = link.href.slice(location.origin.length + 1);
    if (site) link.href = there(target); else link.removeAttribute("href");
  }
  await Promise.all([...document.images].map(picture => picture.decode().catch(() => null)));
}"""
STYLE = """
  * { animation: none !important; transition: none !important; }
  .bd-sidebar-primary, .bd-sidebar-secondary, .bd-header-article, .prev-next-area, .bd-footer-content, .headerlink,
  .bd-header, .nmp-transport, .nmp-notebooks, nmp-player button, nmp-player input, audio, .nmp-explore-controls,
  nmp-answer, nmp-transcriber form, .copybtn, .pst-skip-link, .skip-link,
  details.hide > summary { display: none !important; }
  .bd-main .bd-content .bd-article-container { max-width: none !important; }
  figure, pre, table, .math-block { break-inside: avoid; }
  h1, h2, h3, h4 { break-after: avoid; }
  pre { white-space: pre-wrap; }
  .nmp-print-note { font: 0.85rem system-ui, sans-serif; }
"""
PLAIN = "font: 14pt system-ui, sans-serif"


def pages() -> list[str]:
    """The built pages in the order of the table of contents."""
    listed = re.findall(r"(?:file|root): (\w+)", (ROOT / "_toc.yml").read_text("utf8"))
    return [name for name in listed if (HTML / f"{name}.html").exists()]


def published() -> str:
    """Where static pages of the repository in ``_config.yml`` are; "" if it names none on that service."""
    url = urlsplit(yaml.safe_load((ROOT / "_config.yml").read_text("utf8"))["repository"]["url"] or "")
    owner, _, name = url.path.strip("/").removesuffix(".git").partition("/")
    return f"https://{owner.lower()}.github.io/{name}/" if url.netloc == "github.com" and name else ""


def printed(browser, site: str, name: str) -> tuple[str, bytes]:
    """One page's title and its PDF."""
    page = browser.new_page(viewport={"width": 1000, "height": 1200}, color_scheme="light", bypass_csp=True)
    page.set_default_timeout(300_000)  # a long chapter on a busy machine
    page.goto(f"{site}/{name}.html", wait_until="load")
    page.evaluate("document.documentElement.dataset.theme = 'light'")
    page.add_style_tag(content=STYLE)
    page.evaluate(PREPARE, [f"{name}.html", published()])
    title = page.locator("article h1").first.inner_text()  # what is not displayed, as its link, does not count
    content = page.pdf(**PAPER, print_background=True)
    page.close()
    return title, content


def sheets(part: PdfReader) -> int:
    """How many pages, without a last one that only a margin needed."""
    return len(part.pages) - (not part.pages[-1].extract_text().strip())


def set_html(browser, html: str, **paper) -> PdfReader:
    page = browser.new_page()
    page.set_content(html)
    content = page.pdf(**PAPER | paper)
    page.close()
    return PdfReader(io.BytesIO(content))


def contents(titles: dict[str, int]) -> str:
    rows = "".join(
        f"<tr><td>{escape(title)}</td><td style='text-align:right'>{first}</td></tr>" for title, first in titles.items()
    )
    return f"<div style='{PLAIN}'><h1>Contents</h1><table style='width:100%; line-height:1.8'>{rows}</table></div>"


def numbers(count: int) -> str:
    """Sheets with nothing but their number, in the lower margin."""
    sheet = "<div style='height:290mm; position:relative; break-after:page'>"
    return f"<body style='{PLAIN}; font-size:9pt; margin:0'>" + "".join(
        f"{sheet}<div style='position:absolute; bottom:2mm; width:100%; text-align:center'>{i + 1}</div></div>"
        for i in range(count)
    )


def main() -> int:
    with served(HTML) as site, launched() as browser:
        found = [printed(browser, site, name) for name in pages()]
        parts = [(title, PdfReader(io.BytesIO(content))) for title, content in found]
        # The title page, then the contents on one sheet, then the rest.
        first, starts = 1, {}
        for place, (title, part) in enumerate(parts):
            starts[title] = first
            first += sheets(part) + (place == 0)
        book = PdfWriter()
        for place, (title, part) in enumerate(parts):
            book.append(part, outline_item=title, pages=(0, sheets(part)))
            if place == 0:
                book.append(set_html(browser, contents(starts)), outline_item="Contents", pages=(0, 1))
        numbered = set_html(browser, numbers(len(book.pages)), margin={}, scale=1)
    assert len(numbered.pages) == len(book.pages)
    for sheet, number in zip(book.pages, numbered.pages, strict=True):
        sheet.merge_page(number)
        sheet.compress_content_streams()  # merging unpacked it
    book.compress_identical_objects()  # the fonts of each part
    book.add_metadata({"/Title": "Neural Music Transcription, by ear", "/Author": "The nmp-lessons authors"})
    book.write(TARGET)
    print(f"{TARGET.relative_to(ROOT)}: {len(book.pages)} pages")
    return 0


if __name__ == "__main__":
    sys.exit(main())
