// Numbers from 0 to 1 as a picture: black where they are 1, and transparent where they are 0.

import { make } from "../element";

const drawn = new WeakMap<Float32Array, string>();

/** The address of a picture of values (frames, rows), time to the right and the last row on top. */
export function pictureUrl(values: Float32Array, rows: number): string {
  const url = drawn.get(values) ?? picture(values, rows);
  drawn.set(values, url);
  return url;
}

function picture(values: Float32Array, rows: number): string {
  const frames = values.length / rows;
  const pixels = new ImageData(frames, rows);
  for (let t = 0; t < frames; t++) {
    for (let row = 0; row < rows; row++) pixels.data[4 * ((rows - 1 - row) * frames + t) + 3] = 255 * values[t * rows + row]!;
  }
  const canvas = make("canvas", { width: `${frames}`, height: `${rows}` });
  canvas.getContext("2d")!.putImageData(pixels, 0, 0);
  return canvas.toDataURL();
}
