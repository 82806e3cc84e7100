/** Does for every view on the page, in the panel or in a cell, what only JupyterLab can: open files, insert cells. */

import type { JupyterFrontEnd } from "@jupyterlab/application";
import { PageConfig, PathExt, URLExt } from "@jupyterlab/coreutils";
import { type Action, EVENT } from "../view/actions";

export interface Windows {
  /** Show a graph in a tab of its own, and return whether there are such tabs. */
  graph(run: string, title: string, root: string): boolean;
  show(run: string, root: string): void;
}

/** Listen to what views ask for, and return how to end that. */
export function serve(app: JupyterFrontEnd, windows: Windows): void {
  document.addEventListener(EVENT, (event) => {
    const detail = (event as CustomEvent<Action>).detail;
    const inCell = (event.target as Element).closest(".jp-Notebook") !== null;
    if (act(app, windows, detail, inCell)) {
      event.preventDefault();
    }
  });
}

function act(app: JupyterFrontEnd, windows: Windows, detail: Action, inCell: boolean): boolean {
  const { commands } = app;
  switch (detail.action) {
    case "probe":
      return true;
    case "open":
      void commands.execute("docmanager:open", { path: place(app, detail.root, detail.path, inCell), factory: factory(detail.path) });
      return true;
    case "reveal":
      reveal(app, place(app, detail.root, detail.path, inCell));
      return true;
    case "insert":
      return insert(app, isBeside(app, detail.root, detail.path, inCell) ? detail.here : detail.text);
    case "graph":
      // A cell's view asks its own kernel, so its graph stays with it.
      return !inCell && windows.graph(detail.run, detail.title, detail.root);
    case "show":
      windows.show(detail.run, detail.root);
      return true;
    default:
      return false;
  }
}

function factory(path: string): string | undefined {
  return path.endsWith(".lock") ? "Editor" : undefined;
}

/** Show a folder in the file browser, which is a page of its own in Jupyter Notebook. */
function reveal({ commands }: JupyterFrontEnd, path: string): void {
  if (commands.hasCommand("filebrowser:open-path")) {
    void commands.execute("filebrowser:open-path", { path });
  } else {
    window.open(URLExt.join(PageConfig.getBaseUrl(), "tree", URLExt.encodeParts(path)), "_blank", "noopener");
  }
}

/** Insert a cell into the notebook that is open, and return whether one is. */
function insert({ commands }: JupyterFrontEnd, text: string): boolean {
  const can = commands.hasCommand("notebook:insert-cell-below") && commands.isEnabled("notebook:insert-cell-below");
  if (can) {
    void commands.execute("notebook:insert-cell-below").then(() => commands.execute("notebook:replace-selection", { text }));
  }
  return can;
}

/** Return whether the notebook that is open lies in a folder, so that its kernel was started there. */
function isBeside(app: JupyterFrontEnd, root: string, path: string | null, inCell: boolean): boolean {
  return path !== null && PathExt.normalize(place(app, root, path, inCell)) === PathExt.normalize(shownFolder(app));
}

/** Return the path that the server knows a file by. A cell's root counts from its notebook, the panel's from what is served. */
function place(app: JupyterFrontEnd, root: string, path: string, inCell: boolean): string {
  if (!inCell) {
    return PathExt.join(root, path);
  }
  return PathExt.join(shownFolder(app), root, path);
}

/** Return the folder of the document that is open. */
function shownFolder(app: JupyterFrontEnd): string {
  const shown = app.shell.currentWidget as { context?: { path?: string } } | null;
  return PathExt.dirname(shown?.context?.path ?? "");
}
