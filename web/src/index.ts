// The bundle: each import defines one custom element and brings its style.
import "./style.css";
import "./player.css";
import "./player";
import "./explore.css";
import "./explore";
import "./answer.css";
import "./answer";
import "./errors.css";
import "./errors";
import "./blind.css";
import "./blind";
import "./transcriber.css";
import "./transcriber";
import "./live/live.css";

// Safari starts to select text where a drag begins in a picture, in spite of `user-select: none`, and the selection
// then grows over the page.
document.addEventListener("selectstart", (event) => {
  if (event.target instanceof SVGElement && event.target.closest("nmp-live, nmp-player")) event.preventDefault();
});
