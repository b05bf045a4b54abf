// The reader's own recording, which stays in this browser while the book is read.
//
// It lies in IndexedDB. A visit is everything from the first page of the book to the last: the mark of a tab survives
// from page to page, and other tabs are known by a lock. A page outside any visit forgets what an earlier one left.

import type { Samples } from "./sound";

const KEPT = 600; // seconds that stay for other chapters
const [DATABASE, STORE, KEY] = ["nmp-own-sound", "sounds", "mine"];
const MARK = "nmp-visit"; // of a tab, and of the lock

export interface Sound extends Samples {
  title: string;
}

/** A recording as the other chapters find it. */
export interface Kept {
  title: string;
  rate: number; // Hz
  samples: Float32Array<ArrayBuffer>;
}

/** Whether the browser can record here. */
export const canRecord = (): boolean => "mediaDevices" in navigator && "MediaRecorder" in window;

/** Whether it can hand the microphone's sound to the page as it comes. */
export const canListen = (): boolean => "mediaDevices" in navigator && "AudioWorkletNode" in window;

let memory: Kept | undefined; // where the browser has no storage
const listeners = new Set<() => void>();
let channel: BroadcastChannel | undefined;

/** Keeps a recording for the visit, cut to its first ten minutes. */
export async function keepOwn({ title, samples }: Sound, rate: number): Promise<void> {
  const kept = samples.subarray(0, KEPT * rate);
  const named = kept.length < samples.length ? `${title}, its first ${KEPT / 60} minutes` : title;
  const made: Kept = { title: named, rate, samples: Float32Array.from(kept) };
  await continued();
  going = Promise.resolve(true); // whatever was before
  await inStore("readwrite", (store) => store.put(made, KEY)).catch(() => (memory = made));
  tell();
}

/** The recording of this visit, if there is one. */
export async function keptOwn(): Promise<Kept | undefined> {
  try {
    const found = (await inStore("readonly", (store) => store.get(KEY))) as Kept | undefined;
    if (!found || (await continued())) return found ?? memory;
    await inStore("readwrite", (store) => store.delete(KEY));
    return undefined;
  } catch {
    return memory;
  }
}

export async function forgetOwn(): Promise<void> {
  memory = undefined;
  await inStore("readwrite", (store) => store.delete(KEY)).catch(() => undefined);
  tell();
}

/** Calls `changed` whenever the recording has changed: on this page, or in another tab. */
export function watchOwn(changed: () => void): void {
  listeners.add(changed);
  listen();
}

function tell(): void {
  listen().postMessage("");
  listeners.forEach((changed) => changed());
}

function listen(): BroadcastChannel {
  if (!channel) {
    channel = new BroadcastChannel(DATABASE);
    channel.onmessage = () => listeners.forEach((changed) => changed());
  }
  return channel;
}

let going: Promise<boolean> | undefined;

/** Whether this page goes on with a visit, its own tab's or another's; from now on it is part of one. */
function continued(): Promise<boolean> {
  going ??= (async () => {
    const marked = sessionStorage.getItem(MARK) !== null;
    sessionStorage.setItem(MARK, "");
    const { locks } = navigator as { locks?: LockManager }; // only on https and localhost
    const elsewhere = (await locks?.query())?.held?.some(({ name }) => name === MARK) ?? false;
    void locks?.request(MARK, { mode: "shared" }, () => new Promise(() => undefined));
    return marked || elsewhere;
  })();
  return going;
}

async function inStore<Result>(mode: IDBTransactionMode, act: (store: IDBObjectStore) => IDBRequest<Result>): Promise<Result> {
  const opening = indexedDB.open(DATABASE, 1);
  opening.onupgradeneeded = () => opening.result.createObjectStore(STORE);
  const database = await answered(opening);
  try {
    return await answered(act(database.transaction(STORE, mode).objectStore(STORE)));
  } finally {
    database.close();
  }
}

function answered<Result>(request: IDBRequest<Result>): Promise<Result> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error ?? new Error("IndexedDB failed"));
  });
}
