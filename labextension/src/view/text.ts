/** What receipts say, made fit to be read: nothing that it holds may act, and nothing may pass for what it is not. */

// Escape sequences of terminals: CSI, OSC with its end, and those of two characters.
const ESCAPES = /(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b[@-Z\\-_]/g;
// Controls, and what turns the direction of text or has no width; line ends and tabs stay.
const HIDDEN = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g;

/** Return a text without terminal sequences, and with every other hidden character spelled out. */
export function visible(text: unknown): string {
  return String(text ?? "")
    .replace(ESCAPES, "")
    .replace(HIDDEN, (character) => `<U+${character.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0")}>`);
}

/** Return an address that a browser may be sent to, or null for any other kind than http and https. */
export function safeLink(address: unknown): string | null {
  try {
    const url = new URL(String(address));
    return url.protocol === "http:" || url.protocol === "https:" ? url.href : null;
  } catch {
    return null; // no address at all
  }
}

const UNITS: [number, string][] = [
  [86400 * 365, "y"],
  [86400 * 30, "mo"],
  [86400, "d"],
  [3600, "h"],
  [60, "min"],
];

/** Return how long ago a UTC time is, in one unit. */
export function age(time: string | null, now: number = Date.now()): string {
  const then = Date.parse(time ?? "");
  if (Number.isNaN(then)) {
    return "";
  }
  const seconds = Math.max(0, (now - then) / 1000);
  const [size, unit] = UNITS.find(([length]) => seconds >= length) ?? [1, "s"];
  return `${Math.floor(seconds / size)} ${unit}`;
}

/** Return a size in bytes as people read it. */
export function bytes(size: number | null | undefined): string {
  if (size === null || size === undefined) {
    return "";
  }
  const steps = ["B", "KiB", "MiB", "GiB", "TiB"];
  let value = size;
  let step = 0;
  while (value >= 1024 && step < steps.length - 1) {
    value /= 1024;
    step += 1;
  }
  return `${step ? value.toFixed(1) : value} ${steps[step]}`;
}

/** Return a duration in seconds as people read it. */
export function seconds(value: number | null): string {
  if (value === null) {
    return "";
  }
  return value < 120 ? `${Number(value.toPrecision(3))}\u00a0s` : `${(value / 60).toFixed(1)}\u00a0min`;
}

/** Return a number in at most four digits. */
export function number(value: number): string {
  return Number.isFinite(value) ? String(Number(value.toPrecision(4))) : String(value);
}

/** Return the first ten digits of a digest or an id. */
export function short(digest: string | null | undefined): string {
  const hex = (digest ?? "").split(":").pop() ?? "";
  return visible(hex.slice(0, 10));
}

/** Return a value of a config as one line. */
export function plain(value: unknown): string {
  return visible(typeof value === "string" ? value : JSON.stringify(value));
}
