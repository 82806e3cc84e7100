/** Why a run is stale, modified or missing: the chain down to the change, and the run that it belongs to. */

import { nameOf } from "./badge";
import type { Context } from "./context";
import { h, say } from "./dom";
import { runLink } from "./sections";
import type { Cause, Run } from "./shapes";

export function why(context: Context, run: Run): HTMLElement | null {
  if (!run.causes.length && !run.failure && !run.problem) {
    return null;
  }
  const failure = run.failure;
  const where = failure?.file ? ` at ${failure.file}${failure.line === null ? "" : `:${failure.line}`}` : "";
  const told = failure ? `${failure.type}: ${failure.message}${where}` : run.causes.length ? null : run.problem;
  return h(
    "section",
    { class: "naga-why", "aria-label": `Why ${run.badge.word}` },
    say("h3", "", run.causes.length ? `Why ${run.badge.word}` : "What went wrong"),
    told ? say("p", "naga-problem", told) : null,
    run.causes.length ? h("ul", { class: "naga-plain" }, ...run.causes.map((cause) => causeItem(context, cause))) : null,
  );
}

function causeItem(context: Context, cause: Cause): HTMLElement {
  const root = cause.steps[cause.steps.length - 1];
  const steps = cause.steps.map((step) => nameOf(step)).join(" ← ");
  const files = cause.files.length ? h("p", { class: "naga-muted" }, ...cause.files.slice(0, 20).map((file) => say("div", "", file))) : null;
  return h(
    "li",
    { class: "naga-cause" },
    say("p", "naga-cause-text", cause.text),
    cause.steps.length > 1 ? h("p", { class: "naga-muted naga-chain" }, steps) : null,
    files,
    root && cause.steps.length > 1 ? h("p", {}, "Begins at ", runLink(context, root)) : null,
  );
}
