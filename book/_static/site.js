// A box that scrolls can be reached by keyboard; one that does not is no stop on the way.
(() => {
  const mark = () => {
    for (const box of document.querySelectorAll(".math-scroll, div.cell_output, .pst-scrollable-table-container")) {
      if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
      else box.removeAttribute("tabindex");
    }
  };
  addEventListener("load", mark);
  addEventListener("resize", mark);
})();

// A page opened as a file may not read the files beside it, so the search has no words around what it finds.
if (location.protocol === "file:") {
  addEventListener("DOMContentLoaded", () => {
    if (typeof DOCUMENTATION_OPTIONS !== "undefined") DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;
    document.getElementById("search-results")?.insertAdjacentHTML(
      "beforebegin",
      '<p class="nmp-offline">You opened this page as a file. The search then names the pages that it finds, and ' +
        "a browser does not let it read sentences from them.</p>",
    );
  });
}
