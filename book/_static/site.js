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
