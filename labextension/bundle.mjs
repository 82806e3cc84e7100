// Bundle the view into one browser module, and the panel beside it: the panel shows the very file that the widget shows.
import { copyFileSync, mkdirSync } from "node:fs";
import { build } from "esbuild";

const view = "../naga_ipython/static/view.js";
const common = { bundle: true, format: "esm", target: "es2022", legalComments: "none", loader: { ".css": "text" } };

mkdirSync("lib", { recursive: true });
await build({ ...common, entryPoints: ["src/view/index.ts"], outfile: view, minify: true });
copyFileSync(view, "lib/view.js");
await build({
  ...common,
  entryPoints: ["src/panel/index.ts"],
  outfile: "lib/panel.js",
  external: ["@jupyterlab/*", "@lumino/*", "./view.js"],
});
