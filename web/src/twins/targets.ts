// Twins of functions of nmp_lessons/targets.py, which says what they mean. Here they are about one key at a time.

/** The frame nearest to a place between frames; of two equally near, the even one. */
export function nearest(place: number): number {
  const below = Math.floor(place);
  const part = place - below;
  if (part !== 0.5) return Math.round(place);
  return below % 2 === 0 ? below : below + 1;
}

/** Yo of a key: a triangle at each onset, the higher wins; with `onFrame` their tips lie on frames. */
export function onsetTargets(onsets: number[], frames: number, width: number, onFrame: boolean): number[] {
  const tips = onFrame ? onsets.map(nearest) : onsets;
  return Array.from({ length: frames }, (_, t) => tips.reduce((most, tip) => Math.max(most, 1 - Math.abs(t - tip) / width), 0));
}

/** Yn of a key: 1 from the frame of each onset to that of its offset. */
export function sounding(onsets: number[], offsets: number[], frames: number): number[] {
  return Array.from({ length: frames }, (_, t) => Number(onsets.some((onset, i) => nearest(onset) <= t && t <= nearest(offsets[i]!))));
}

/** First and last frame of the notes that a key's targets contain; without `onset`, a note begins where Yn rises. */
export function readBack(note: number[], onset?: number[]): [number, number][] {
  const at = (values: number[], t: number): number => values[t] ?? 0;
  const starts = note
    .map((_, t) => t)
    .filter((t) =>
      onset
        ? at(onset, t) > at(onset, t - 1) && at(onset, t) >= at(onset, t + 1)
        : at(note, t) > 0 && at(note, t - 1) <= 0,
    );
  return starts.map((start, i) => {
    let last = start;
    while (at(note, last + 1) > 0) last++;
    if (at(note, start) <= 0) last = start - 1;
    return [start, Math.max(Math.min(last, starts[i + 1] ?? note.length), start + 0.5)];
  });
}
