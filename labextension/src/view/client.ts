/** Questions to whoever knows the runs, over the model that a host gives: a kernel's comm, or REST. */

import type { Progress } from "./shapes";

/** What anywidget gives to `render`; a host that is no notebook offers the same. */
export interface Model {
  get(name: string): unknown;
  set(name: string, value: unknown): void;
  save_changes(): void;
  send(content: unknown): void;
  on(event: string, handler: (...args: any[]) => void): void;
  off(event: string, handler: (...args: any[]) => void): void;
}

export class AnswerError extends Error {
  constructor(
    readonly type: string,
    message: string,
    readonly hint: string | null,
  ) {
    super(message);
  }
}

interface Question {
  settle(answer: unknown): void;
  report(progress: Progress): void;
}

interface Message {
  id?: string;
  answer?: { error?: { type: string; message: string; hint: string | null } };
  progress?: Progress;
}

/** Sends questions and brings each answer to whoever asked. */
export class Client {
  private readonly open = new Map<string, Question>();
  private count = 0;
  private readonly prefix = Math.random().toString(36).slice(2, 10);

  constructor(private readonly model: Model) {
    model.on("msg:custom", this.receive);
  }

  /** Ask, and give up when `signal` says so: then the other side is told too. */
  ask<T>(
    op: string,
    args: Record<string, unknown> = {},
    options: { signal?: AbortSignal; report?: (progress: Progress) => void } = {},
  ): Promise<T> {
    const id = `${this.prefix}-${++this.count}`;
    return new Promise<T>((resolve, reject) => {
      const settle = (answer: unknown): void => {
        this.open.delete(id);
        const error = (answer as Message["answer"])?.error;
        if (error) {
          reject(new AnswerError(error.type, error.message, error.hint));
        } else {
          resolve(answer as T);
        }
      };
      this.open.set(id, { settle, report: options.report ?? (() => undefined) });
      options.signal?.addEventListener("abort", () => this.model.send({ id, op: "cancel" }));
      this.model.send({ id, op, args });
    });
  }

  close(): void {
    this.model.off("msg:custom", this.receive);
    this.open.clear();
  }

  private readonly receive = (message: Message): void => {
    const question = this.open.get(message?.id ?? "");
    if (!question) {
      return; // another view of the same model has asked
    }
    if (message.progress) {
      question.report(message.progress);
    } else {
      question.settle(message.answer);
    }
  };
}
