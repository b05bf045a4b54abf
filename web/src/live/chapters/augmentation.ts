// The live controls of the chapter "augmentation".

import { equaliserLevels, equalised, masked, noiseGain, posteriorMean, powerOf, reverberated, seenDensity, simpleRoom } from "../../twins/augmentation";
import { Loop, samplesAt } from "../loop";
import { generator, shown } from "../numbers";
import { begin, type Stage } from "../stage";

interface Clip {
  sound: string; // address
  samples: number; // a power of two
  rate: number;
  frequencies: number[]; // Hz, of the bands
  bands: number[]; // power in each band, together the mean power of the clip
  blocks: number[]; // power in blocks of time
}

const MIDDLE = 640; // Hz, where a tilt turns
const SILENT = 60; // dB: a ratio from which on there is no noise
const PAUSE = 200; // ms without a move before the sound is made anew

/** A clip whose noise, room, tone and continuity can be changed, seen and heard. */
function changed(stage: Stage, data: Clip): () => void {
  const seconds = data.samples / data.rate;
  const before = data.bands.reduce((sum, power) => sum + power, 0);
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

  const equaliser = (): [number[], number[]] => {
    const [cutoff, tilt] = [stage.number("low_pass"), stage.number("tilt")];
    const at = [40, 80, 160, 320, 640, 1280, 2560, 5120, 10_240];
    const frequencies = [...new Set([...at, cutoff, 2 * cutoff])].sort((a, b) => a - b);
    return [frequencies, frequencies.map((f) => tilt * Math.log2(f / MIDDLE) - 60 * Math.max(0, Math.log2(f / cutoff)))];
  };
  const mask = (): [number, number] => [seconds / 2 - stage.number("mask") / 2, seconds / 2 + stage.number("mask") / 2];
  const sound = (clean: Float32Array): Float32Array => {
    let audio = equalised(clean, data.rate, ...equaliser());
    const reverberation = stage.number("reverberation");
    if (reverberation > 0) audio = reverberated(audio, simpleRoom(data.samples, data.rate, reverberation, 0, 5));
    const random = generator(9);
    const noise = Float32Array.from({ length: audio.length }, () => random() + random() + random() - 1.5);
    const gain = stage.number("ratio") < SILENT ? noiseGain(powerOf(audio), powerOf(noise), stage.number("ratio")) : 0;
    audio = audio.map((x, i) => x + gain * noise[i]!);
    return stage.number("mask") > 0 ? masked(audio, data.rate, ...mask()) : audio;
  };

  const loop = new Loop();
  let clean: Float32Array | undefined;
  let version = "";
  let trouble = "";
  let timer = 0;
  const buttons = ["Play changed", "Play as recorded"].map((label) => stage.button(label, () => void press(label)));
  const press = async (label: string): Promise<void> => {
    version = version === label ? "" : label;
    try {
      const loaded = clean ?? (await samplesAt(data.sound, data.rate));
      clean = new Float32Array(data.samples);
      clean.set(loaded.subarray(0, data.samples));
    } catch {
      [trouble, version] = [" The sound could not be loaded; the pictures work without it.", ""];
    }
    play();
    stage.change();
  };
  const play = (): void => {
    for (const button of buttons) button.ariaPressed = String(button.textContent === version);
    if (!version || !clean) loop.stop();
    else void loop.play(Float32Array.from(version === "Play changed" ? sound(clean) : clean), data.rate);
  };
  stage.left = () => {
    version = "";
    play();
  };

  let settings = "";
  return () => {
    const levels = equaliserLevels(data.frequencies, ...equaliser());
    const after = data.bands.map((power, i) => power * 10 ** (levels[i]! / 10));
    const total = after.reduce((sum, power) => sum + power, 0);
    const [ratio, reverberation] = [stage.number("ratio"), stage.number("reverberation")];
    const noise = ratio < SILENT ? total * 10 ** (-ratio / 10) : 0;
    // White noise has the same power in every hertz: a band's part of it is its width over half the sample rate.
    const widths = data.frequencies.map((f) => (f * (2 ** (1 / 12) - 2 ** (-1 / 12))) / (data.rate / 2));
    const decibels = (power: number): number => 10 * Math.log10(power + 1e-14);
    spectrum.begin();
    spectrum.line(data.frequencies, data.bands.map(decibels), "soft dotted");
    if (noise) spectrum.line(data.frequencies, widths.map((width) => decibels(noise * width)), "miss dashed");
    spectrum.line(data.frequencies, after.map((power, i) => decibels(power + noise * widths[i]!)), "reference");

    const times = data.blocks.map((_, i) => ((i + 0.5) * seconds) / data.blocks.length);
    let energy = data.blocks.map((power) => (power * total) / before);
    if (reverberation > 0) energy = lingering(energy, seconds / energy.length, reverberation);
    const [start, stop] = mask();
    course.begin();
    course.line(times, data.blocks.map(decibels), "soft dotted");
    course.line(times, energy.map((power, i) => (times[i]! > start && times[i]! < stop ? -100 : decibels(power + noise))), "reference");

    const heard = ratio < SILENT ? `noise ${shown(ratio)} dB below the music` : "no noise";
    const middle = equaliserLevels([100, 1000, 4000], ...equaliser()).map((level) => `${shown(level, 2)} dB`);
    stage.say(`${heard}; 100, 1,000 and 4,000 Hz changed by ${middle.join(", ")}; silence for ${shown(stage.number("mask"))} s.${trouble}`.replace(/^n/, "N"));
    const now = [...levels, ratio, reverberation, start].join();
    if (settings && settings !== now && version) {
      window.clearTimeout(timer);
      timer = window.setTimeout(play, PAUSE);
    }
    settings = now;
  };
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
    stage.say(`Seen ${shown(seen)}: the best output is ${shown(best)}. Whatever was seen, the mean of all cells is ${shown(2 * on - 1)}.`);
  };
}

begin({ changed, two_values: twoValues });
