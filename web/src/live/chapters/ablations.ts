// The live controls of the chapter "ablations".

import { atLeastOne, holm } from "../../twins/ablations";
import type { Handle } from "../chart";
import { generator, shown } from "../numbers";
import { begin, type Stage } from "../stage";

const MOST = 60; // rows
const SMALLEST = 1e-4; // p-value that is drawn

/** Rows without any effect: how likely a false alarm is, and one draw of their p-values. */
function manyRows(stage: Stage): () => void {
  const chances = stage.chart({
    height: 240,
    label: "Chance of a false alarm",
    x: { label: "rows", low: 1, high: MOST, ticks: [1, 10, 20, 30, 40, 50, 60] },
    y: { label: "chance of at least one false alarm", low: 0, high: 1 },
  });
  chances.legend(["miss", "each row tested at the level"], ["hit dashed", "at the level over the number of rows"]);
  const draw = stage.chart({
    height: 240,
    label: "p-values of one draw",
    x: { label: "row", low: 0, high: MOST + 1 },
    y: { label: "p-value", low: SMALLEST, high: 1, log: true },
  });
  draw.legend(["dot soft", "no effect, and none found"], ["dot miss", "below the level"], ["dot hit", "below the level over the number of rows"]);
  chances.drag((x) => stage.set("rows", Math.round(x)));
  let seed = 1;
  stage.button("Draw again", () => {
    seed++;
    stage.change();
  });
  const counts = Array.from({ length: MOST }, (_, i) => i + 1);
  return () => {
    const [rows, level] = [stage.number("rows"), stage.number("level") / 100];
    chances.begin();
    chances.line(counts, counts.map((m) => atLeastOne(m, level)), "miss");
    chances.line(counts, counts.map((m) => atLeastOne(m, level / m)), "hit dashed");
    chances.dots([rows, rows], [atLeastOne(rows, level), atLeastOne(rows, level / rows)], "ink", 5);
    const random = generator(seed);
    const drawn = Array.from({ length: rows }, random);
    draw.x.high = rows + 1;
    draw.begin();
    draw.line([0, rows + 1], [level, level], "miss thin");
    draw.line([0, rows + 1], [level / rows, level / rows], "hit thin dashed");
    const lookOf = (p: number): string => (p <= level / rows ? "hit" : p <= level ? "miss" : "soft");
    for (const look of ["soft", "miss", "hit"]) {
      const some = drawn.flatMap((p, i) => (lookOf(p) === look ? [i] : []));
      draw.dots(some.map((i) => i + 1), some.map((i) => Math.max(drawn[i]!, SMALLEST)), look, 4);
    }
    const [loose, strict] = [level, level / rows].map((bound) => drawn.filter((p) => p <= bound).length) as [number, number];
    stage.say(
      `Chance of a false alarm somewhere: ${shown(atLeastOne(rows, level), 2)}; with Bonferroni's rule ${shown(atLeastOne(rows, level / rows), 2)}. ` +
        `In this draw of ${rows} rows without effect, ${loose} ${loose === 1 ? "is" : "are"} below ${shown(100 * level)} % and ${strict} below ${shown((100 * level) / rows)} %.`,
    );
  };
}

/** p-values to drag, judged by Holm's rule and by Bonferroni's. */
function holmByHand(stage: Stage, data: { values: number[] }): () => void {
  let values = [...data.values];
  const rows = values.length;
  const chart = stage.chart({
    height: 300,
    x: { label: "row", low: 0.5, high: rows + 0.5, ticks: values.map((_, i) => i + 1) },
    y: { label: "p-value", low: 0.001, high: 1, log: true },
  });
  chart.legend(["hit", "the bound that Holm's rule sets for the row"], ["soft dashed", "Bonferroni's bound for all"], ["area hit light", "accepted by Holm"]);
  const handles: Handle[] = values.map((_, i) =>
    chart.handle({
      label: `p-value of row ${i + 1}`,
      look: "reference",
      axis: "y",
      step: 1.1,
      move: (p) => {
        values[i] = Number(p.toPrecision(3));
        stage.change();
      },
    }),
  );
  stage.button("Start again", () => {
    values = [...data.values];
    stage.change();
  });
  return () => {
    const level = stage.number("level") / 100;
    const accepted = holm(values, level);
    const order = values.map((_, i) => i).sort((a, b) => values[a]! - values[b]! || a - b);
    chart.begin();
    const columns = order.filter((row) => accepted[row]).map((row): [number, number, number, number] => [row + 0.55, 0.001, row + 1.45, 1]);
    chart.boxes(columns, "area hit light");
    const bounds = order.flatMap((row, k) => [[row + 0.6, level / (rows - k)], [row + 1.4, level / (rows - k)], [row + 1.4, NaN]]);
    chart.line(bounds.map(([x]) => x!), bounds.map(([, y]) => y!), "hit");
    chart.line([0.5, rows + 0.5], [level / rows, level / rows], "soft dashed");
    handles.forEach((handle, i) => handle.place(i + 1, values[i]!, `${shown(values[i]!)}, ${accepted[i] ? "accepted" : "not accepted"}`));
    const names = (which: boolean[]): string => {
      const chosen = which.flatMap((yes, i) => (yes ? [i + 1] : []));
      return chosen.length ? chosen.join(", ") : "none";
    };
    const strict = values.map((p) => p <= level / rows);
    stage.say(`Holm accepts rows ${names(accepted)}; Bonferroni ${names(strict)}; without any correction ${names(values.map((p) => p <= level))}.`);
  };
}

begin({ many_rows: manyRows, holm_by_hand: holmByHand });
