// Copies the libraries of the page out of node_modules, unchanged, and writes down what they are: page/vendor/VENDOR.json.
// `npm ci && npm run vendor`, after a version in package.json was changed.
import { createHash } from "node:crypto";
import { copyFileSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";

const FILES = [
  ["preact", "dist/preact.mjs", "preact.mjs", "MIT"],
  ["preact", "hooks/dist/hooks.mjs", "preact-hooks.mjs", "MIT"],
  ["htm", "dist/htm.mjs", "htm.mjs", "Apache-2.0"],
  ["@preact/signals-core", "dist/signals-core.mjs", "signals-core.mjs", "MIT"],
  ["@preact/signals", "dist/signals.mjs", "signals.mjs", "MIT"],
  ["dompurify", "dist/purify.min.js", "purify.min.js", "Apache-2.0"],
  ["marked", "lib/marked.esm.js", "marked.mjs", "MIT"],
  ["uplot", "dist/uPlot.esm.js", "uplot.mjs", "MIT"],
  ["uplot", "dist/uPlot.min.css", "uplot.css", "MIT"],
];

const target = new URL("page/vendor/", import.meta.url);
const modules = new URL("node_modules/", import.meta.url);
rmSync(target, { recursive: true, force: true });
mkdirSync(new URL("licences/", target), { recursive: true });
const entries = FILES.map(([name, from, file, licence]) => {
  const folder = new URL(`${name}/`, modules);
  copyFileSync(new URL(from, folder), new URL(file, target));
  const licences = readdirSync(folder).filter((one) => /^licen[cs]e/i.test(one));
  const kept = `licences/${name.replace("@", "").replace("/", "-")}.txt`;
  if (licences.length) copyFileSync(new URL(licences[0], folder), new URL(kept, target));
  const { version } = JSON.parse(readFileSync(new URL("package.json", folder), "utf8"));
  const sha256 = createHash("sha256").update(readFileSync(new URL(file, target))).digest("hex");
  return { file, name, version, from, licence, licence_file: licences.length ? kept : null, sha256 };
});
writeFileSync(new URL("VENDOR.json", target), `${JSON.stringify(entries, null, 2)}\n`);
