/** The outputs of a run that can be looked at: pictures, and the heads of texts. */

import { keyOf } from "./badge";
import type { Context } from "./context";
import { button, h, say } from "./dom";
import type { Data, FileAnswer, Run } from "./shapes";
import { bytes, visible } from "./text";
import { section } from "./sections";

const PICTURES = new Set(["image/png", "image/svg+xml", "image/jpeg", "image/gif", "image/webp"]);
const AT_ONCE = 4; // pictures that are shown without being asked for

export function artifacts(context: Context, run: Run): HTMLElement | null {
  let pictures = 0;
  const shown = run.outputs
    .filter((output) => output.preview)
    .map((output) => artifact(context, run, output, output.preview === "image" && ++pictures <= AT_ONCE));
  return section("Artifacts", true, ...shown);
}

function artifact(context: Context, run: Run, output: Data, open: boolean): HTMLElement {
  const place = h("div", { class: "naga-artifact" });
  const load = (): void => void fill(context, run, output.name, place);
  if (open) {
    load();
  } else {
    place.append(button(`Show ${visible(output.name)}`, load));
  }
  return place;
}

async function fill(context: Context, run: Run, name: string, place: HTMLElement): Promise<void> {
  try {
    const file = await context.client.ask<FileAnswer>("file", { run: keyOf(run), name });
    const note = file.modified ? h("span", { class: "naga-badge naga-bad" }, "≠ modified since") : null;
    const caption = h("figcaption", {}, visible(name), ` ${bytes(file.size)} `, note);
    place.replaceChildren(h("figure", {}, caption, content(context, run, name, file)));
  } catch (error) {
    place.replaceChildren(say("p", "naga-problem", `${name}: ${(error as Error).message}`));
  }
}

function content(context: Context, run: Run, name: string, file: FileAnswer): HTMLElement {
  if (file.kind === "image" && file.data !== null && PICTURES.has(file.media_type ?? "")) {
    return picture(name, file);
  }
  if (file.kind === "text" && file.text !== null) {
    const more = file.truncated ? say("p", "naga-muted", "… the rest is not shown") : null;
    return h("div", {}, say("pre", "naga-text", file.text), more);
  }
  if (file.kind === "folder" && file.entries) {
    const rows = file.entries.map((entry) => {
      const inner = h("li", {});
      const open = (): void => void fill(context, run, `${name}/${entry.name}`, inner);
      inner.append(button(visible(entry.name), open, { class: "naga-link" }), ` ${bytes(entry.size)}`);
      return inner;
    });
    return h("ul", { class: "naga-plain" }, ...rows);
  }
  return say("p", "naga-muted", "this kind of file is not shown");
}

/** Show a picture from its bytes: as the source of an image, nothing in an SVG can act. */
function picture(name: string, file: FileAnswer): HTMLElement {
  const raw = Uint8Array.from(atob(file.data ?? ""), (character) => character.charCodeAt(0));
  const address = URL.createObjectURL(new Blob([raw], { type: file.media_type ?? "" }));
  const free = (): void => URL.revokeObjectURL(address);
  return h("img", { class: "naga-picture", src: address, alt: visible(name), load: free, error: free });
}
