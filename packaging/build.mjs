// Builds one of our packages: node ../packaging/build.mjs in its workspace writes dist/, which `npm pack ./dist` packs.
//
// The workspace's package.json says what is public: its `exports` name sources, which the other workspaces use as they
// are; dist/package.json names what was built of them. So the one that is written by hand is private, and only the
// built one can be published.
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { bundle } from "./bundle.mjs";
import { declarations } from "./declarations.mjs";
import { builtManifest } from "./manifest.mjs";

const workspace = process.cwd();
const manifest = JSON.parse(readFileSync(join(workspace, "package.json"), "utf8"));
/** Name of each entry -> its source: index, worker, ... */
const entries = new Map(
  Object.entries(manifest.exports).map(([subpath, source]) => [
    subpath === "." ? "index" : subpath.slice(2),
    resolve(workspace, source),
  ]),
);
const external = Object.keys(manifest.dependencies ?? {}).filter((name) => name.startsWith("@nomoat/"));

const dist = join(workspace, "dist");
rmSync(dist, { recursive: true, force: true });
const { assets, effects, notices } = await bundle({ workspace, entries, external, dist });
// A worker's script is named by its URL and imported by nobody.
const imported = [...entries].filter(([name]) => !effects.includes(`${name}.js`)).map(([, source]) => source);
const types = declarations({ workspace, sources: imported, external });
for (const [name, text] of types) write(`types/${name}`, text);
for (const [name, source] of assets) {
  mkdirSync(dirname(join(dist, name)), { recursive: true });
  copyFileSync(source, join(dist, name));
}
if (notices) write("NOTICES.txt", notices);
copyFileSync(join(workspace, "README.md"), join(dist, "README.md"));
copyFileSync(resolve(workspace, "../LICENSE"), join(dist, "LICENSE"));
write(
  "package.json",
  `${JSON.stringify(builtManifest({ manifest, entries, external, effects, types, workspace }), null, 2)}\n`,
);

function write(name, text) {
  mkdirSync(dirname(join(dist, name)), { recursive: true });
  writeFileSync(join(dist, name), text);
}
