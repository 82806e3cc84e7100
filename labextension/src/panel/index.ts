/** The panel of JupyterLab: a host of the view in the left sidebar, its graphs in the main area, and commands for both. */

import { ILabShell, ILayoutRestorer, type JupyterFrontEnd, type JupyterFrontEndPlugin } from "@jupyterlab/application";
import { ICommandPalette, MainAreaWidget, WidgetTracker } from "@jupyterlab/apputils";
import type { ServiceManager } from "@jupyterlab/services";
import { IStateDB } from "@jupyterlab/statedb";
import { LabIcon } from "@jupyterlab/ui-components";
import type { ReadonlyPartialJSONObject } from "@lumino/coreutils";
import { Widget } from "@lumino/widgets";
import { Changes } from "./changes";
import { renderRuns } from "./fallback";
import { serve } from "./host";
import { RestModel, type Traits } from "./rest";
// The very file that the widget shows.
import view from "./view.js";

const ID = "naga-lab:panel";
const STATE = "naga-lab:state";

const icon = new LabIcon({
  name: "naga-lab:icon",
  svgstr:
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" width="16"><g class="jp-icon3" fill="none" stroke="#616161" stroke-width="2">' +
    '<circle cx="6" cy="6" r="3"/><circle cx="6" cy="18" r="3"/><circle cx="18" cy="12" r="3"/><path d="M9 7l6 4M9 17l6-4"/></g></svg>',
});

class ViewWidget extends Widget {
  readonly model: RestModel;
  private readonly changes: Changes;
  private close_view: (() => void) | null = null;

  constructor(
    manager: ServiceManager.IManager,
    private readonly traits: Promise<Partial<Traits>>,
    private readonly show_graph = false,
  ) {
    super();
    this.model = new RestModel(manager.serverSettings, { selected: "", root: "", filter: "", version: "", height: 0 });
    this.changes = new Changes(manager, this.model, () => this.isVisible);
    this.addClass("naga-host");
    this.title.icon = icon;
    this.node.style.overflow = "hidden";
    this.node.style.minWidth = "264px";
    if (show_graph) {
      this.node.dataset.nagaShow = "graph";
    }
  }

  dispose(): void {
    this.changes.close();
    this.close_view?.();
    super.dispose();
  }

  /** Nothing is asked before somebody looks. */
  protected onAfterShow(): void {
    void this.begin();
  }

  protected onAfterAttach(): void {
    if (this.isVisible || this.show_graph) {
      void this.begin();
    }
  }

  private async begin(): Promise<void> {
    const traits = await this.traits;
    if (this.close_view || this.isDisposed) {
      return;
    }
    Object.entries(traits).forEach(([name, value]) => this.model.set(name, value));
    this.close_view = view.render({ model: this.model, el: this.node });
  }
}

class Panel {
  private readonly widget: ViewWidget;
  private readonly graphs = new WidgetTracker<MainAreaWidget<ViewWidget>>({ namespace: "naga-graph" });

  constructor(
    private readonly app: JupyterFrontEnd,
    private readonly state: IStateDB | null,
    readonly tabs: boolean, // whether the main area can hold more than the one document of Jupyter Notebook
  ) {
    // What was shown last can be asked for only when JupyterLab has restored its own layout.
    const traits = app.restored.then(() => this.state?.fetch(STATE)).then((found) => (found ?? {}) as Partial<Traits>);
    this.widget = new ViewWidget(app.serviceManager, traits);
    this.widget.id = "naga-panel";
    this.widget.title.caption = "Runs (naga)";
    this.widget.model.on("saved", () => void this.remember());
  }

  restore(restorer: ILayoutRestorer | null): void {
    this.app.shell.add(this.widget, "left", { rank: 600, type: "Runs" });
    if (restorer) {
      restorer.add(this.widget, this.widget.id);
      void restorer.restore(this.graphs, {
        command: "naga:graph",
        args: ({ content }) => ({ run: content.model.get("selected"), root: content.model.get("root"), title: content.title.label }),
        name: ({ id }) => id,
      });
    }
  }

  addCommands(palette: ICommandPalette | null): void {
    const { commands } = this.app;
    commands.addCommand("naga:show-runs", { label: "Show Runs", execute: () => this.activate() });
    commands.addCommand("naga:filter-runs", { label: "Filter Runs", execute: () => this.filter() });
    commands.addCommand("naga:refresh-runs", { label: "Refresh Runs", execute: () => this.refresh() });
    commands.addCommand("naga:graph", {
      label: "Show the Graph of the Selected Run",
      isEnabled: (args) => this.tabs && Boolean(args.run ?? this.widget.model.get("selected")),
      execute: (args) => this.graph(args),
    });
    for (const command of ["naga:show-runs", "naga:filter-runs", "naga:refresh-runs", "naga:graph"]) {
      palette?.addItem({ command, category: "naga" });
    }
  }

  /** Select a run in the sidebar. */
  show(run: string, root: string): void {
    this.activate();
    this.widget.model.set("root", root);
    this.widget.model.set("selected", run);
    this.widget.model.save_changes();
  }

  graph(args: ReadonlyPartialJSONObject): void {
    const selected = String(args.run ?? this.widget.model.get("selected"));
    const root = String(args.root ?? this.widget.model.get("root"));
    const content = new ViewWidget(this.app.serviceManager, Promise.resolve({ selected, root }), true);
    const tab = new MainAreaWidget({ content });
    tab.toolbar.hide();
    tab.id = `naga-graph:${root}:${selected}`;
    content.model.set("selected", selected);
    content.model.set("root", root);
    content.title.label = String(args.title ?? `Graph of ${selected}`);
    content.title.caption = selected;
    this.app.shell.add(tab, "main");
    void this.graphs.add(tab);
    content.model.on("saved", () => void this.graphs.save(tab));
    this.app.shell.activateById(tab.id);
  }

  private activate(): void {
    this.app.shell.activateById(this.widget.id);
  }

  private filter(): void {
    this.activate();
    this.widget.node.querySelector<HTMLInputElement>("input[type=search]")?.focus();
  }

  private refresh(): void {
    this.widget.node.querySelector<HTMLButtonElement>("button[aria-label=Refresh]")?.click();
  }

  private async remember(): Promise<void> {
    const { model } = this.widget;
    const traits = { selected: model.get("selected"), root: model.get("root"), filter: model.get("filter") };
    await this.state?.save(STATE, traits as ReadonlyPartialJSONObject);
  }
}

const plugin: JupyterFrontEndPlugin<void> = {
  id: ID,
  description: "Runs and their receipts",
  autoStart: true,
  optional: [ILayoutRestorer, ICommandPalette, IStateDB, ILabShell],
  activate: (app, restorer: ILayoutRestorer | null, palette: ICommandPalette | null, state: IStateDB | null, shell: ILabShell | null) => {
    const panel = new Panel(app, state, shell !== null);
    panel.addCommands(palette);
    panel.restore(restorer);
    renderRuns(app);
    serve(app, {
      graph: (run, title, root) => {
        if (panel.tabs) {
          panel.graph({ run, title: `Graph of ${title}`, root });
        }
        return panel.tabs;
      },
      show: (run, root) => panel.show(run, root),
    });
  },
};

export default plugin;
