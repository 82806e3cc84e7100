/** Notices that receipts have changed: told by the server's event bus, or, where it cannot watch, by asking. */

import type { ServiceManager } from "@jupyterlab/services";
import type { RestModel } from "./rest";

const SCHEMA = "https://naga.dev/events/changes";
const QUIET = 10_000; // milliseconds between two questions where the server watches, in case an event was lost

interface Live {
  mode: "watching" | "polling" | "none";
  interval: number | null;
}

export class Changes {
  private timer: ReturnType<typeof setTimeout> | undefined;
  private number = 0;
  private ended = false;

  constructor(
    private readonly manager: ServiceManager.IManager,
    private readonly model: RestModel,
    private readonly seen: () => boolean,
  ) {
    manager.events.stream.connect(this.told);
    model.on("msg:custom", this.answered);
    this.plan(QUIET);
  }

  close(): void {
    this.ended = true;
    clearTimeout(this.timer);
    this.manager.events.stream.disconnect(this.told);
    this.model.off("msg:custom", this.answered);
  }

  private readonly told = (_: unknown, event: { schema_id: string } & Record<string, unknown>): void => {
    if (event.schema_id === SCHEMA && within(String(event.root ?? ""), this.model.get("root") as string)) {
      const kind = event.kind === "world" ? `${++this.number}` : "";
      this.model.set("version", `${String(event.version ?? "")}${kind}`);
    }
  };

  private version: string | null = null;

  private readonly answered = ({ id, answer }: { id: string; answer?: { version?: string; live?: Live } }): void => {
    if (!answer?.live || answer.version === undefined) {
      return;
    }
    if (this.version !== null && this.version !== answer.version && id === this.asked) {
      this.model.set("version", answer.version);
    }
    this.version = answer.version;
    this.plan(answer.live.mode === "polling" ? (answer.live.interval ?? 5) * 1000 : QUIET);
  };

  private asked = "";

  private plan(pause: number): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.ask(pause), pause);
  }

  private ask(pause: number): void {
    if (this.ended) {
      return;
    }
    if (this.seen() && !document.hidden) {
      this.asked = `changes-${++this.number}`;
      this.model.send({ id: this.asked, op: "status", args: {} });
    }
    this.plan(pause);
  }
}

/** Return whether a change below one root can concern what is shown of another. */
function within(changed: string, shown: string): boolean {
  return changed === shown || changed === "" || shown === "" || shown.startsWith(`${changed}/`) || changed.startsWith(`${shown}/`);
}
