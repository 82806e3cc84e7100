/** Check now whether everything is still there that a run and the runs before it stand on. */

import { keyOf, nameOf } from "./badge";
import type { Context } from "./context";
import { button, h, say } from "./dom";
import { runLink } from "./sections";
import type { Finding, Progress, Run, Verification } from "./shapes";
import { plain, visible } from "./text";

export async function verify(context: Context, run: Run, place: HTMLElement): Promise<void> {
  const stop = new AbortController();
  const bar = h("progress", { "aria-label": "Verifying", max: 1 });
  const what = h("span", { class: "naga-muted" }, "starting");
  const report = (progress: Progress): void => {
    if (progress.total) {
      bar.max = progress.total;
      bar.value = progress.done;
    }
    what.textContent = visible(progress.what ?? "");
  };
  place.replaceChildren(h("p", { class: "naga-verifying" }, bar, " ", what, " ", button("Cancel", () => stop.abort())));
  try {
    const options = { signal: stop.signal, report };
    const answer = await context.client.ask<Verification>("verify", { run: keyOf(run) }, options);
    place.replaceChildren(result(context, answer));
    context.announce(answer.intact ? "verified: intact" : "verified: not intact");
  } catch (error) {
    const told = stop.signal.aborted ? "Verifying was cancelled." : (error as Error).message;
    place.replaceChildren(say("p", "naga-problem", told));
  }
}

function result(context: Context, answer: Verification): HTMLElement {
  const tone = answer.intact && answer.consistent ? "good" : "bad";
  const word = answer.intact ? (answer.consistent ? "✓ intact" : "≠ intact, but not of one piece") : "✗ not intact";
  const other = answer.same_environment ? "" : " (in another environment)";
  const runs = answer.runs.map((run) => {
    const findings = [...run.code, ...run.data, ...run.outputs].filter((finding) => finding.state !== "intact" && finding.state !== "ok");
    const changes = run.environment.map(({ what, recorded, current }) => `${what}: ${plain(recorded)} → ${plain(current)}`);
    const lines = [...run.problems, ...findings.map(line), ...changes];
    const mark = h("span", { class: `naga-badge naga-${run.intact ? "good" : "bad"}` }, run.intact ? "✓ intact" : "✗ not intact");
    const name = run.path ? runLink(context, run) : h("span", {}, nameOf(run));
    return h("li", {}, name, " ", mark, ...lines.map((text) => say("div", "naga-muted", text)));
  });
  return h(
    "section",
    { class: "naga-verified", "aria-label": "Verified" },
    h("p", {}, "Verified now: ", h("span", { class: `naga-badge naga-${tone}` }, word), other),
    h("ul", { class: "naga-plain" }, ...runs),
  );
}

function line(finding: Finding): string {
  return `${finding.name}: ${finding.state}${finding.detail ? ` (${finding.detail})` : ""}`;
}
