// The network of nmp_lessons.model.network.NMPNet and its loss (nmp_lessons.cross_entropy.Loss), for training in the page.

import { jit, nn, numpy as np, valueAndGrad } from "@jax-js/jax";
import { asMatrix, biased, manyFrom, moments, normalised, oneFrom, product, rectified, seen, type Tensor, type Walk } from "./layers";

export const [BINS, KEYS, STRIDE] = [264, 88, 3];

/** How the two convolutions of the stack walk; the page unfolds their input, which needs no gradient (`unfolded`). */
export const CONTOUR: Walk = { columns: 39, stride: 1, shared: 12 };
export const ONSET: Walk = { columns: 5, stride: STRIDE, shared: 1 };
export const ROWS = { contour: 3, onset: 5 };

/** Weights by the names of PyTorch's state. Two biases are missing, since batch normalisation cancels them. */
export type Weights = Record<string, Tensor>;

/** Mean and variance of both normalisations. */
export type Statistics = { contour: [Tensor, Tensor]; onset: [Tensor, Tensor] }; // eslint-disable-line @typescript-eslint/consistent-type-definitions

/** The stack of some windows, unfolded for its two convolutions. */
export interface Input {
  windows: number;
  frames: number;
  contour: Tensor; // (windows × frames × 22, 3 × 50 × 8)
  onset: Tensor; // (windows × frames × 88, 5 × 5 × 8)
}

/** Before their sigmoids, (windows, frames, 264 or 88). */
export interface Heads {
  contour: Tensor;
  note: Tensor;
  onset: Tensor;
}

/** How a loss counts each head: a focal factor's exponent, or the weight of a positive. */
export interface Loss {
  kind: "plain" | "weighted" | "focal";
  positive: number;
  gamma: [number, number, number];
  heads: [number, number, number];
}

const contourMatrix = asMatrix(CONTOUR);
const onsetMatrix = asMatrix(ONSET);
const contourOut = oneFrom({ columns: 5, stride: 1, shared: 12 }, 5);
const note = manyFrom({ columns: 7, stride: STRIDE, shared: 4 }, 7);
const noteOut = oneFrom({ columns: 3, stride: 1, shared: 4 }, 7);
const onsetOut = oneFrom({ columns: 3, stride: 1, shared: 4 }, 3);
const probability = jit((z: Tensor) => nn.sigmoid(z).reshape([...z.shape, 1]));
const joined = jit((one: Tensor, other: Tensor) => np.concatenate([one, other], 3));

/** The heads of an input, with the statistics of a running network or, without them, those of the batch. */
export function logits(weights: Weights, input: Input, given?: Statistics): [Heads, Statistics] {
  const { windows, frames } = input;
  const w = (name: string): Tensor => weights[name]!.ref;
  const normed = (x: Tensor, layer: "contour" | "onset"): [Tensor, [Tensor, Tensor]] => {
    const [mean, variance] = given ? given[layer].map((value) => value.ref) as [Tensor, Tensor] : moments(x.ref);
    const y = normalised(x, mean.ref, variance.ref, w(`${layer}_norm.weight`), w(`${layer}_norm.bias`));
    return [y, [mean, variance]];
  };
  const contours = product(input.contour.ref, contourMatrix(w("contour.weight"))).reshape([windows, frames, BINS, 8]);
  const [channels, ofContour] = normed(contours, "contour");
  const contour = biased(contourOut(channels, w("contour_out.weight")), w("contour_out.bias"));
  const notes = rectified(note(probability(contour.ref), w("note.weight")), w("note.bias"));
  const yn = biased(noteOut(notes, w("note_out.weight")), w("note_out.bias"));
  const onsets = product(input.onset.ref, onsetMatrix(w("onset.weight"))).reshape([windows, frames, KEYS, 32]);
  const [features, ofOnset] = normed(onsets, "onset");
  const yo = biased(onsetOut(joined(probability(yn.ref), features), w("onset_out.weight")), w("onset_out.bias"));
  return [{ contour, note: yn, onset: yo }, { contour: ofContour, onset: ofOnset }];
}

/** log(1 + e^z), which does not overflow. */
const softplus = (z: Tensor): Tensor => np.logaddexp(z, 0);

const plain = jit((z: Tensor, y: Tensor) => np.mean(softplus(z.ref).sub(y.mul(z))));

const weighted = jit((z: Tensor, y: Tensor, positive: Tensor) => {
  const yes = positive.mul(y.ref).mul(softplus(z.ref.neg()));
  return np.mean(yes.add(np.subtract(1, y).mul(softplus(z))));
});

/** Focal losses by their exponent, whole numbers. */
const focal = [1, 2].map((gamma) =>
  jit((z: Tensor, y: Tensor) => {
    const error = np.abs(y.ref.sub(nn.sigmoid(z.ref)));
    const entropy = softplus(z.ref).sub(y.mul(z));
    return np.mean((gamma === 2 ? np.square(error) : error).mul(entropy));
  }),
);

function ofHead(loss: Loss, head: 0 | 1 | 2, z: Tensor, y: Tensor): Tensor {
  if (loss.kind === "focal") return focal[loss.gamma[head] - 1]!(z, y);
  if (loss.kind === "weighted" && head === 2) return weighted(z, y, np.array(loss.positive));
  return plain(z, y);
}

/** The weighted sum of the heads' losses. */
export function total(loss: Loss, z: Heads, y: Heads): Tensor {
  const parts = [ofHead(loss, 0, z.contour, y.contour.ref), ofHead(loss, 1, z.note, y.note.ref), ofHead(loss, 2, z.onset, y.onset.ref)];
  return parts.map((part, head) => part.mul(loss.heads[head]!)).reduce((sum, part) => sum.add(part));
}

/** The loss of a batch in training and its gradient, by the library. The weights are used up. */
export function lossAndGradient(loss: Loss, weights: Weights, input: Input, targets: Heads): [Tensor, Weights] {
  const ofWeights = (weights: Weights): Tensor => {
    const [heads, statistics] = logits(weights, input);
    for (const value of [...statistics.contour, ...statistics.onset]) value.dispose();
    for (const weight of Object.values(weights)) weight.dispose();
    return total(loss, heads, targets);
  };
  return valueAndGrad(ofWeights)(weights);
}

/** Number of inputs in a row of the unfolded stack. */
export function length(layer: "contour" | "onset", harmonics: number): number {
  return ROWS[layer] * seen(layer === "contour" ? CONTOUR : ONSET) * harmonics;
}
