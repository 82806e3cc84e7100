/** What only the page around the view can do: open a file, insert a cell. The view asks with an event and sees whether anybody did. */

export type Action =
  | { action: "probe" }
  | { action: "open" | "reveal"; path: string; root: string }
  // `here` stands for `text` in a notebook that lies in the folder `path`.
  | { action: "insert"; text: string; here: string; path: string | null; root: string }
  | { action: "show"; run: string; root: string }
  | { action: "graph"; run: string; title: string; root: string };

/** The name of the event; its detail is an `Action`, and whoever does it calls `preventDefault`. */
export const EVENT = "naga:action";

/** Ask the page to do something, and return whether it has. */
export function request(from: HTMLElement, detail: Action): boolean {
  return !from.dispatchEvent(new CustomEvent<Action>(EVENT, { detail, bubbles: true, cancelable: true, composed: true }));
}

/** Copy a text; the old way where the new one is not allowed, which is on plain http. */
export async function copy(text: string, near: HTMLElement): Promise<void> {
  if (navigator.clipboard && window.isSecureContext) {
    await navigator.clipboard.writeText(text);
    return;
  }
  const area = document.createElement("textarea");
  area.value = text;
  area.style.position = "fixed";
  area.style.opacity = "0";
  near.append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
}

/** Let the browser save a text as a file. */
export function save(name: string, type: string, text: string): void {
  const address = URL.createObjectURL(new Blob([text], { type }));
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  URL.revokeObjectURL(address);
}
