// What a control needs only once the reader chooses a recording: fetched then, and not with the page.

export { readSound } from "./choosing";
export { Checked, obstacle, Refusal } from "./networks";
export { Tape } from "./sound";
export { readMidi } from "./twins/notes";
