// What a player does, whatever it looks like: the position, the version that is heard, the loop.

import { type Engine, ElementEngine, type Mix, type Region, WebAudioEngine } from "./engine";

const SMALLEST_REGION = 0.1; // seconds
const LONGEST_HELD = 900; // seconds

/** What a transport tells the element it works for. */
export interface Host {
  /** Sound is about to start. */
  starting(): void;
  /** The controls and the plot are out of date. */
  changed(): void;
  /** Tells screen readers, and with `shown` everyone. */
  say(text: string, options?: { shown: boolean }): void;
  /** The sounds could not be loaded. */
  failed(): void;
}

export class Transport {
  // Controls and plot read these; only the methods below change them.
  readonly mixes: Mix[];
  chosen = 0;
  region: Region | null = null;
  looping = false;

  private resting = 0; // seconds: position of the playhead until the engine exists
  private engine: Engine | undefined;
  private loading: Promise<Engine> | undefined;
  private wanted = false; // to be played as soon as it is loaded

  constructor(
    private readonly sounds: HTMLAudioElement[],
    readonly seconds: number,
    private readonly host: Host,
  ) {
    this.mixes = versions(sounds);
    if (!this.asFiles) this.mixes.push(...splits(sounds));
  }

  /** Whether the page's own elements play: a page opened as a file, or sounds too long to be held decoded. */
  private get asFiles(): boolean {
    return this.seconds > LONGEST_HELD || this.sounds.some((sound) => sound.src.startsWith("file:"));
  }

  get position(): number {
    return this.engine?.position ?? this.resting;
  }

  get playing(): boolean {
    return this.engine?.playing ?? false;
  }

  get version(): string {
    return this.mixes[this.chosen]!.name;
  }

  level(): { rms: number; peak: number } {
    return this.engine?.level() ?? { rms: 0, peak: 0 };
  }

  async play(): Promise<void> {
    this.wanted = true;
    this.host.starting();
    try {
      const engine = await this.ready();
      // eslint-disable-next-line @typescript-eslint/no-unnecessary-condition -- it may have been paused meanwhile
      if (!this.wanted) return;
      const at = engine.position;
      const region = this.looped;
      const ended = at >= (region?.stop ?? this.seconds) - 0.01;
      await engine.play(ended || (region && at < region.start) ? (region?.start ?? 0) : at, region);
    } catch {
      this.loading = undefined;
      this.host.failed();
    }
    this.host.changed();
  }

  pause(): void {
    this.wanted = false;
    if (this.engine?.playing) this.engine.pause();
    this.host.changed();
  }

  async toggle(): Promise<void> {
    if (this.playing) this.pause();
    else await this.play();
  }

  async seek(seconds: number): Promise<void> {
    const at = Math.min(Math.max(0, seconds), this.seconds);
    const looped = this.looped;
    if (looped && (at < looped.start || at >= looped.stop)) this.looping = false;
    this.resting = at;
    if (this.engine?.playing) await this.engine.play(Math.min(at, this.seconds - 0.02), this.looped);
    else this.engine?.rest(at);
    this.host.changed();
  }

  restart(): void {
    void this.seek(this.looped?.start ?? 0);
  }

  choose(mix: number): void {
    if (mix < 0 || mix >= this.mixes.length || mix === this.chosen) return;
    this.chosen = mix;
    this.engine?.choose(mix);
    this.host.say(this.version);
    this.host.changed();
  }

  // Loading

  /** The engine, once its sounds are loaded: decoded ones, or else the page's own elements. */
  private ready(): Promise<Engine> {
    this.loading ??= this.load().then((engine) => {
      engine.choose(this.chosen);
      engine.rest(this.resting);
      this.host.say("");
      return (this.engine = engine);
    });
    return this.loading;
  }

  private async load(): Promise<Engine> {
    const ended = () => this.host.changed();
    if (!this.asFiles) {
      this.host.say("Loading the sound …", { shown: true });
      const urls = this.sounds.map((sound) => sound.src);
      const engine = new WebAudioEngine(urls, this.mixes, this.seconds, ended);
      try {
        await engine.load();
        return engine;
      } catch (problem) {
        console.warn("nmp-player: playing the plain sounds instead.", problem);
        this.dropSplits();
      }
    }
    return new ElementEngine(this.sounds, ended);
  }

  /** Plain sounds play one at a time, so two can't be heard left and right. */
  private dropSplits(): void {
    this.mixes.splice(this.sounds.length);
    this.chosen = Math.min(this.chosen, this.mixes.length - 1);
    this.host.changed();
  }

  // Loops

  /** What is repeated: the region, or everything if there is none. */
  get looped(): Region | null {
    if (!this.looping) return null;
    return this.region ?? { start: 0, stop: this.seconds };
  }

  setLooping(on: boolean): void {
    const at = this.position;
    this.looping = on;
    const looped = this.looped;
    void this.seek(looped && (at < looped.start || at >= looped.stop) ? looped.start : at);
  }

  setRegion(start: number, stop: number): void {
    const first = Math.max(0, Math.min(start, stop));
    const last = Math.min(this.seconds, Math.max(start, stop));
    if (last - first < SMALLEST_REGION) return;
    this.region = { start: first, stop: last };
    this.setLooping(true);
  }

  forgetRegion(): void {
    this.region = null;
    this.setLooping(false);
  }
}

function versions(sounds: HTMLAudioElement[]): Mix[] {
  return sounds.map((sound, version) => ({
    name: sound.getAttribute("aria-label") ?? `Version ${version + 1}`,
    parts: [{ version, pan: 0 }],
  }));
}

/** Reference and prediction at once, one in each ear, where there are both. */
function splits(sounds: HTMLAudioElement[]): Mix[] {
  const place = (role: string): number => sounds.findIndex((sound) => sound.dataset.role === role);
  const [left, right] = [place("reference"), place("prediction")];
  if (left < 0 || right < 0) return [];
  const parts: Mix["parts"] = [
    { version: left, pan: -1 },
    { version: right, pan: 1 },
  ];
  return [{ name: "Reference left, prediction right", parts }];
}
