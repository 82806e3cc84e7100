/** The view's model over REST: what a kernel's comm is for the widget, the server extension is for the panel. */

import { URLExt } from "@jupyterlab/coreutils";
import { ServerConnection } from "@jupyterlab/services";

type Handler = (...args: any[]) => void;
type Answer = Record<string, unknown>;

interface Question {
  id: string;
  op: string;
  args?: Answer;
}

interface Job {
  id: string;
  state: "running" | "done" | "cancelled" | "failed";
  done: number;
  total: number | null;
  what: string | null;
  answer: Answer | null;
}

export interface Traits {
  selected: string;
  root: string;
  filter: string;
  version: string;
  height: number;
}

const POLL = 200; // milliseconds between two questions about a job

export class RestModel {
  private readonly handlers = new Map<string, Set<Handler>>();
  private readonly jobs = new Map<string, string>();
  private readonly cancelled = new Set<string>();

  constructor(
    private readonly settings: ServerConnection.ISettings,
    private readonly traits: Traits,
  ) {}

  get<K extends keyof Traits>(name: K | string): Traits[K] {
    return this.traits[name as K];
  }

  set(name: string, value: unknown): void {
    const key = name as keyof Traits;
    if (this.traits[key] !== value) {
      (this.traits as unknown as Answer)[key] = value;
      this.emit(`change:${name}`);
    }
  }

  save_changes(): void {
    this.emit("saved");
  }

  on(event: string, handler: Handler): void {
    const handlers = this.handlers.get(event) ?? new Set();
    this.handlers.set(event, handlers.add(handler));
  }

  off(event: string, handler: Handler): void {
    this.handlers.get(event)?.delete(handler);
  }

  send(content: unknown): void {
    const question = content as Question;
    if (question.op === "cancel") {
      void this.cancel(question.id);
    } else {
      void this.answer(question);
    }
  }

  private async answer({ id, op, args }: Question): Promise<void> {
    try {
      const answer = op === "verify" ? await this.verify(id, args ?? {}) : await this.ask(op, args ?? {});
      this.emit("msg:custom", { id, answer }, []);
    } catch (reason) {
      const error = { type: "NetworkError", message: `The Jupyter server did not answer: ${String(reason)}`, hint: null };
      this.emit("msg:custom", { id, answer: { error } }, []);
    }
  }

  private ask(op: string, args: Answer): Promise<Answer> {
    // All folders are offered, whichever is shown.
    const query = new URLSearchParams({ root: op === "roots" ? "" : this.traits.root });
    for (const [name, value] of Object.entries(args)) {
      if (value !== null && value !== undefined && value !== "") {
        query.set(name, typeof value === "string" ? value : JSON.stringify(value));
      }
    }
    return this.request(`${op}?${query}`);
  }

  private async verify(id: string, args: Answer): Promise<Answer> {
    const started = await this.request("verify", { root: this.traits.root, ...args });
    if (started.error) {
      return started;
    }
    let job = started.job as Job;
    this.jobs.set(id, job.id);
    if (this.cancelled.delete(id)) {
      void this.cancel(id);
    }
    while (job.state === "running") {
      this.emit("msg:custom", { id, progress: { done: job.done, total: job.total, what: job.what } }, []);
      await new Promise((resolve) => setTimeout(resolve, POLL));
      job = (await this.request(`jobs/${job.id}`)).job as Job;
    }
    this.jobs.delete(id);
    const message = job.state === "cancelled" ? "It was cancelled." : "The check ended without an answer.";
    return job.answer ?? { error: { type: job.state, message, hint: null } };
  }

  private async cancel(id: string): Promise<void> {
    const job = this.jobs.get(id);
    if (job) {
      await this.request(`jobs/${job}/cancel`, {});
    } else {
      this.cancelled.add(id);
    }
  }

  private async request(path: string, body?: Answer): Promise<Answer> {
    const url = URLExt.join(this.settings.baseUrl, "naga", "api") + `/${path}`;
    // With its usual "no-store", JupyterLab would add the time as an argument of no name.
    const init: RequestInit = { cache: "no-cache", ...(body && { method: "POST", body: JSON.stringify(body) }) };
    const response = await ServerConnection.makeRequest(url, init, this.settings);
    const text = await response.text();
    try {
      return JSON.parse(text) as Answer;
    } catch {
      const hint = response.status === 404 ? "Enable it with: jupyter server extension enable naga_ipython" : null;
      const message = `The server extension of naga does not answer (${response.status}).`;
      return { error: { type: "NoAnswer", message, hint } };
    }
  }

  private emit(event: string, ...args: unknown[]): void {
    [...(this.handlers.get(event) ?? [])].forEach((handler) => handler(...args));
  }
}
