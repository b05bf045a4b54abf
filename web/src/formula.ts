// MathLive, the box for formulas: a script of its own because of its size, fetched by answer.ts when a
// formula is about to be typed. The page's KaTeX supplies the fonts, of the same names.

import { MathfieldElement } from "mathlive";

MathfieldElement.fontsDirectory = null;
MathfieldElement.soundsDirectory = null;
window.mathVirtualKeyboard.layouts = ["numeric", "alphabetic"]; // for touch; the rest is not needed here
