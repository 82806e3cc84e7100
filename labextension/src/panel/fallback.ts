/**
 * Shows runs in a cell as text while nobody answers their view: in a notebook that was saved, and after its kernel was restarted.
 *
 * The widgets of Jupyter show "model not found" there, and know of no other form. So the cell's output bears a mark, for which this
 * renderer is asked first: it shows the text at once, and the view in its place while that is there and its kernel too.
 */

import type { JupyterFrontEnd } from "@jupyterlab/application";
import type { ISessionContext } from "@jupyterlab/apputils";
import type { IRenderMimeRegistry } from "@jupyterlab/rendermime";
import type { IRenderMime } from "@jupyterlab/rendermime-interfaces";
import { Panel } from "@lumino/widgets";

const MARK = "application/vnd.naga.runs+json";
const VIEW = "application/vnd.jupyter.widget-view+json";
const ENDS = new Set(["restarting", "autorestarting", "terminating", "dead"]); // what a kernel is when its widgets are lost

const TIMES = 40;
const PAUSE = 250; // milliseconds

interface Notebook {
  content: { rendermime: IRenderMimeRegistry };
  sessionContext: ISessionContext;
}

const RANK = -20; // before the widgets, whose rank is -10

/** Let all notebooks show runs as text where they cannot show the view. */
export function renderRuns(app: JupyterFrontEnd): void {
  app.docRegistry.addWidgetExtension("Notebook", {
    createNew: (notebook) => {
      const { content, sessionContext } = notebook as unknown as Notebook;
      const createRenderer = (): Runs => new Runs(content.rendermime, sessionContext);
      content.rendermime.addFactory({ safe: true, mimeTypes: [MARK], createRenderer }, RANK);
    },
  });
}

class Runs extends Panel implements IRenderMime.IRenderer {
  private readonly text: IRenderMime.IRenderer;
  private isLost = false;
  private view: IRenderMime.IRenderer | null = null;
  private readonly watch = new MutationObserver(() => this.choose());

  constructor(
    private readonly rendermime: IRenderMimeRegistry,
    private readonly session: ISessionContext,
  ) {
    super();
    session.statusChanged.connect(this.follow);
    session.kernelChanged.connect(this.leave);
    this.text = rendermime.createRenderer("text/plain");
    this.addWidget(this.text);
  }

  async renderModel(model: IRenderMime.IMimeModel): Promise<void> {
    await this.text.renderModel(model);
    if (model.trusted && model.data[VIEW]) {
      void this.attempt(model);
    }
  }

  /** Have the view drawn, by whoever draws widgets in this notebook, who may come to it only when it has been open for a while. */
  private async attempt(model: IRenderMime.IMimeModel): Promise<void> {
    let used: IRenderMime.IRendererFactory | undefined;
    for (let times = 0; times < TIMES && !this.isDisposed && !this.text.isHidden; times += 1) {
      const found = this.rendermime.getFactory(VIEW);
      if (found && found !== used) {
        used = found;
        this.draw(model);
      }
      await new Promise((resolve) => setTimeout(resolve, PAUSE));
    }
  }

  private draw(model: IRenderMime.IMimeModel): void {
    this.view?.dispose();
    this.view = this.rendermime.createRenderer(VIEW);
    this.view.hide();
    this.addWidget(this.view);
    this.watch.observe(this.view.node, { subtree: true, childList: true });
    void this.view.renderModel(model);
  }

  dispose(): void {
    this.watch.disconnect();
    this.session.statusChanged.disconnect(this.follow);
    this.session.kernelChanged.disconnect(this.leave);
    super.dispose();
  }

  private readonly follow = (_: unknown, status: string): void => {
    if (ENDS.has(status)) {
      this.lose();
    }
  };

  /** Another kernel knows nothing of this view; the first one that a page hears of may. */
  private readonly leave = (_: unknown, change: { oldValue: unknown }): void => {
    if (change.oldValue !== null) {
      this.lose();
    }
  };

  private lose(): void {
    this.isLost = true;
    this.choose();
  }

  private choose(): void {
    const isAnswered = !this.isLost && Boolean(this.view?.node.querySelector(".naga-view"));
    if (isAnswered !== this.text.isHidden) {
      this.text.setHidden(isAnswered);
      this.view?.setHidden(!isAnswered);
    }
  }
}
