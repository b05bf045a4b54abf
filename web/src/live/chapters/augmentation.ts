import { KEYS, LOWEST_PITCH } from "../../decoder";
import {
  bandPowers, blockPowers, equaliserLevels, equalised, faster, masked, noiseGain, posteriorMean, powerOf, reverberated, seenDensity, simpleRoom,
} from "../../twins/augmentation";
import { listed, matched } from "../../twins/evaluation";
import type { Chart } from "../chart";
import { Loop, samplesAt } from "../loop";
import { counted, generator, shown } from "../numbers";
import { type OwnData, OwnSound, Posteriors, type Read } from "../own";
import { pictureUrl } from "../picture";
import { drawNotes, pitchAxis } from "../roll";
import { begin, type Stage } from "../stage";

interface Clip {
  sound: string; // address
  samples: number; // a power of two
  rate: number;
  frequencies: number[]; // Hz, of the bands
  width: number; // semitones, of a band
  bands: number[]; // power in each band, together the mean power of the clip
  blocks: number[]; // power in blocks of time
  own: OwnData;
}

const MIDDLE = 640; // Hz, where a tilt turns
const SILENT = 60; // dB: a ratio from which on there is no noise
const PAUSE = 200; // ms without a move before the sound is made anew
const COMPARE = "Compare what the network finds";

/** A clip, or the reader's recording, whose noise, room, tone, speed and continuity can be changed, seen and heard. */
function changed(stage: Stage, data: Clip): () => void {
  const seconds = data.samples / data.rate;
  const own = new OwnSound(stage, data.own, seconds, {});
  const spectrum = stage.chart({
    height: 240,
    label: "Power by frequency",
    x: { label: "frequency (Hz)", low: data.frequencies[0]!, high: data.frequencies.at(-1)!, log: true },
    y: { label: "power in a band (dB)", low: -110, high: -20 },
  });
  const course = stage.chart({
    height: 240,
    label: "Level over time",
    x: { label: "time (s)", low: 0, high: seconds },
    y: { label: "level (dB)", low: -80, high: 0 },
  });
  spectrum.legend(["soft dotted", "before"], ["reference", "after"], ["miss dashed", "noise"]);

  const ratioOfTape = (): number => 2 ** (stage.number("tape") / 12);
  const equaliser = (): [number[], number[]] => {
    const [cutoff, tilt] = [stage.number("low_pass"), stage.number("tilt")];
    const at = [40, 80, 160, 320, 640, 1280, 2560, 5120, 10_240];
    const frequencies = [...new Set([...at, cutoff, 2 * cutoff])].sort((a, b) => a - b);
    return [frequencies, frequencies.map((f) => tilt * Math.log2(f / MIDDLE) - 60 * Math.max(0, Math.log2(f / cutoff)))];
  };
  const mask = (): [number, number] => [seconds / 2 - stage.number("mask") / 2, seconds / 2 + stage.number("mask") / 2];
  const sound = (clean: Float32Array): Float32Array => {
    let audio = ratioOfTape() === 1 ? clean : faster(clean, ratioOfTape());
    audio = equalised(audio, data.rate, ...equaliser());
    const reverberation = stage.number("reverberation");
    if (reverberation > 0) audio = reverberated(audio, simpleRoom(data.samples, data.rate, reverberation, 0, 5));
    const random = generator(9);
    const noise = Float32Array.from({ length: audio.length }, () => random() + random() + random() - 1.5);
    const gain = stage.number("ratio") < SILENT ? noiseGain(powerOf(audio), powerOf(noise), stage.number("ratio")) : 0;
    audio = audio.map((x, i) => x + gain * noise[i]!);
    return stage.number("mask") > 0 ? masked(audio, data.rate, ...mask()) : audio;
  };

  // What it is made of: the clip, or a passage of the reader's recording

  let clip: Float32Array | undefined;
  let trouble = "";
  const clean = (): Float32Array | undefined => own.passage ?? clip;
  const load = async (): Promise<void> => {
    if (clip || own.passage) return;
    try {
      const loaded = await samplesAt(data.sound, data.rate);
      clip = new Float32Array(data.samples);
      clip.set(loaded.subarray(0, data.samples));
    } catch {
      [trouble, version, comparing] = [" The sound could not be loaded; the pictures work without it.", "", false];
    }
  };
  let measured: { of: Float32Array; bands: number[]; blocks: number[] } | undefined;
  const powers = (): { bands: number[]; blocks: number[] } => {
    const passage = own.passage;
    if (!passage) return data;
    if (measured?.of !== passage) {
      const bands = bandPowers(passage, data.rate, data.frequencies, data.width);
      measured = { of: passage, bands, blocks: blockPowers(passage, data.blocks.length) };
    }
    return measured;
  };

  // Heard

  const loop = new Loop();
  let version = "";
  let timer = 0;
  const play = (): void => {
    const samples = clean();
    for (const button of buttons) button.ariaPressed = String(button.textContent === version);
    if (!version || !samples) loop.stop();
    else void loop.play(Float32Array.from(version === "Play changed" ? sound(samples) : samples), data.rate);
  };
  const press = async (label: string): Promise<void> => {
    version = version === label ? "" : label;
    await load();
    play();
    stage.change();
  };
  const buttons = ["Play changed", "Play as recorded"].map((label) => stage.button(label, () => void press(label)));
  stage.whenLeft(() => {
    version = "";
    play();
  });

  // Read by the network

  let comparing = false;
  const [before, after] = [new Posteriors(), new Posteriors()];
  const tapes = new WeakMap<Float32Array, number>(); // by which a sound was made
  let rolls: [Chart, Chart] | undefined;
  const compare = (): void => {
    comparison.ariaPressed = String(comparing);
    const samples = clean();
    if (!comparing || !samples) return;
    const made = sound(samples);
    tapes.set(made, ratioOfTape());
    void before.ask(samples, own);
    void after.ask(made, own);
  };
  const comparison = stage.button(`${COMPARE} (loads ${data.own.megabytes} MB)`, () => {
    comparing = !comparing;
    comparison.ariaPressed = String(comparing);
    void load().then(() => {
      compare();
      stage.change();
    });
  });
  comparison.ariaPressed = "false";

  const again = (): void => {
    if (version) play();
    compare();
  };

  let settings = "";
  return () => {
    const { bands, blocks } = powers();
    const total = bands.reduce((sum, power) => sum + power, 0);
    const tape = ratioOfTape();
    const levels = equaliserLevels(data.frequencies, ...equaliser());
    const moved = tape === 1 ? bands : movedBands(bands, data.frequencies, tape);
    const changedBands = moved.map((power, i) => power * 10 ** (levels[i]! / 10));
    const left = changedBands.reduce((sum, power) => sum + power, 0);
    const [ratio, reverberation] = [stage.number("ratio"), stage.number("reverberation")];
    const noise = ratio < SILENT ? left * 10 ** (-ratio / 10) : 0;
    // White noise has the same power in every hertz: a band's part of it is its width over half the sample rate.
    const widths = data.frequencies.map((f) => (f * (2 ** (data.width / 24) - 2 ** (-data.width / 24))) / (data.rate / 2));
    const decibels = (power: number): number => 10 * Math.log10(power + 1e-14);
    spectrum.begin();
    spectrum.line(data.frequencies, bands.map(decibels), "soft dotted");
    if (noise) spectrum.line(data.frequencies, widths.map((width) => decibels(noise * width)), "miss dashed");
    spectrum.line(data.frequencies, changedBands.map((power, i) => decibels(power + noise * widths[i]!)), "reference");

    const times = blocks.map((_, i) => ((i + 0.5) * seconds) / blocks.length);
    let energy = blocks.map((_, i) => ((blocks[Math.floor((i + 0.5) * tape)] ?? 0) * left) / total);
    if (reverberation > 0) energy = lingering(energy, seconds / energy.length, reverberation);
    const [start, stop] = mask();
    course.begin();
    course.line(times, blocks.map(decibels), "soft dotted");
    course.line(times, energy.map((power, i) => (times[i]! > start && times[i]! < stop ? -100 : decibels(power + noise))), "reference");

    const heard = ratio < SILENT ? `noise ${shown(ratio)} dB below the music` : "no noise";
    const middle = equaliserLevels([100, 1000, 4000], ...equaliser()).map((level) => `${shown(level, 2)} dB`);
    const found = comparing && before.found?.of === clean() && after.found ? drawFound((rolls ??= twoRolls(stage, seconds)), before.found!, after.found, tapes.get(after.found.of)!) : "";
    stage.say(`${heard}; 100, 1,000 and 4,000 Hz changed by ${middle.join(", ")}; silence for ${shown(stage.number("mask"))} s.${found}${trouble}`.replace(/^n/, "N"));
    const now = [...levels, ratio, reverberation, start, tape, own.key].join();
    if (settings && settings !== now && (version || comparing)) {
      window.clearTimeout(timer);
      timer = window.setTimeout(() => void load().then(again), PAUSE);
    }
    settings = now;
  };
}

/** Powers in bands when every frequency is multiplied; bands that come from outside are empty. */
function movedBands(bands: number[], frequencies: number[], ratio: number): number[] {
  const step = Math.log(frequencies[1]! / frequencies[0]!);
  return bands.map((_, i) => {
    const place = i - Math.log(ratio) / step;
    const below = Math.floor(place);
    const part = place - below;
    const [low, high] = [bands[below] ?? 0, bands[below + 1] ?? 0];
    return part ? (1 - part) * low + part * high : low;
  });
}

const [LOW, HIGH] = [28, 100]; // pitches that are drawn

function twoRolls(stage: Stage, seconds: number): [Chart, Chart] {
  const [before, after] = ["before", "after"].map((when) => {
    const y = { ...pitchAxis(LOW, HIGH), label: `pitch, ${when} the change` };
    const chart = stage.chart({ height: 240, label: `Found ${when} the change`, x: { label: "time (s)", low: 0, high: seconds }, y });
    chart.element.classList.add("nmp-wide");
    return chart;
  }) as [Chart, Chart];
  before.legend(["area note hit", "found both times"], ["area note miss", "lost"]);
  after.legend(["area note hit", "found both times"], ["area note extra", "new"]);
  return [before, after];
}

/** Draws Yn and notes before and after a change, and says how many agree, where the tape has moved them. */
function drawFound(rolls: [Chart, Chart], before: Read, after: Read, tape: number): string {
  const [old, now] = [listed(before.notes), listed(after.notes)];
  const expected = {
    onset: old.onset.map((time) => time / tape),
    offset: old.offset.map((time) => time / tape),
    pitch: old.pitch.map((pitch) => pitch + Math.round(12 * Math.log2(tape))),
  };
  const hits = matched(expected, now);
  const sides = [
    { read: before, notes: old, same: new Set(hits.map(([r]) => r)), otherwise: "miss" },
    { read: after, notes: now, same: new Set(hits.map(([, e]) => e)), otherwise: "extra" },
  ];
  sides.forEach(({ read, notes, same, otherwise }, i) => {
    const chart = rolls[i]!;
    chart.begin();
    chart.image(pictureUrl(read.heads.note, KEYS), 0, LOWEST_PITCH - 0.5, chart.x.high, LOWEST_PITCH + KEYS - 0.5);
    drawNotes(chart, notes, (note) => (same.has(note) ? "hit" : otherwise));
  });
  const total = old.onset.length + now.onset.length;
  const f = total ? ` (F = ${((2 * hits.length) / total).toFixed(2)} between the two)` : "";
  return ` The network finds ${counted(old.onset.length, "note")} before and ${now.onset.length} after; ${hits.length} agree${f}.`;
}

/** Powers over time in a room, in the mean: half direct, half decaying. */
function lingering(powers: number[], step: number, reverberation: number): number[] {
  const keep = 10 ** ((-6 * step) / reverberation);
  let tail = 0;
  const wet = powers.map((power) => {
    tail = keep * tail + (1 - keep) * power;
    return power + tail;
  });
  const scale = powers.reduce((sum, x) => sum + x, 0) / wet.reduce((sum, x) => sum + x, 0);
  return wet.map((power) => scale * power);
}

/** The best denoiser of a cell that has one of two values. */
function twoValues(stage: Stage): () => void {
  const chart = stage.chart({
    height: 270,
    x: { label: "noisy value", low: -3, high: 3 },
    y: { label: "output", low: -1.5, high: 1.5, ticks: [-1, 0, 1] },
  });
  chart.legend(["area soft light", "how often seen"], ["soft dotted", "no denoising"], ["reference", "best output"]);
  let seen = 0.2;
  const move = (x: number): void => {
    seen = x;
    stage.change();
  };
  const handle = chart.handle({ label: "noisy value", look: "prediction", axis: "x", step: 0.05, move });
  chart.drag(move);
  const xs = Array.from({ length: 301 }, (_, i) => -3 + 0.02 * i);
  return () => {
    const [sigma, on] = [stage.number("sigma"), stage.number("on") / 100];
    const cell: [number[], number[], number] = [[-1, 1], [1 - on, on], sigma];
    const density = xs.map((x) => seenDensity(x, ...cell));
    const top = Math.max(...density);
    const best = posteriorMean(seen, ...cell);
    chart.begin();
    chart.area(xs, density.map((p) => -1.5 + p / top), "soft light");
    chart.line([-1.5, 1.5], [-1.5, 1.5], "soft dotted");
    chart.line(xs, xs.map((x) => posteriorMean(x, ...cell)), "reference");
    handle.place(seen, best, `${shown(seen)}, best output ${shown(best)}`);
    stage.say(`Seen ${shown(seen)}: the best output is ${shown(best)}. The mean of all cells, whatever was seen, is ${shown(2 * on - 1)}.`);
  };
}

begin({ changed, two_values: twoValues });
