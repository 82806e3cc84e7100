/** Does for every view on the page, in the panel or in a cell, what only JupyterLab can: open files, insert cells. */

import type { JupyterFrontEnd } from "@jupyterlab/application";
import { PageConfig, PathExt } from "@jupyterlab/coreutils";
import { type Action, EVENT } from "../view/actions";

export interface Windows {
  graph(run: string, title: string, root: string): void;
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
      void commands.execute("filebrowser:open-path", { path: place(app, detail.root, detail.path, inCell) });
      return true;
    case "insert":
      void insert(app, detail.text);
      return true;
    case "graph":
      // A cell's view asks its own kernel, so its graph stays with it.
      if (!inCell) {
        windows.graph(detail.run, detail.title, detail.root);
      }
      return !inCell;
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

async function insert(app: JupyterFrontEnd, text: string): Promise<void> {
  await app.commands.execute("notebook:insert-cell-below");
  await app.commands.execute("notebook:replace-selection", { text });
}

/** Return the path that the server knows a file by. A cell's root is as its kernel sees it, the panel's as the server does. */
function place(app: JupyterFrontEnd, root: string, path: string, inCell: boolean): string {
  if (!inCell) {
    return PathExt.join(root, path);
  }
  const served = PageConfig.getOption("serverRoot");
  if (root.startsWith("/")) {
    return PathExt.join(root.startsWith(`${served}/`) ? root.slice(served.length + 1) : "", path);
  }
  const shown = app.shell.currentWidget as { context?: { path?: string } } | null;
  return PathExt.join(PathExt.dirname(shown?.context?.path ?? ""), root, path);
}
