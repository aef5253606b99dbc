// dist/package.json: the workspace's own, with what was built in the place of its sources.
import { join, relative } from "node:path";

const KEPT = ["name", "version", "description", "keywords", "license", "type", "engines"];

export function builtManifest({ manifest, entries, external, effects, types, workspace }) {
  const kept = Object.fromEntries(KEPT.filter((key) => key in manifest).map((key) => [key, manifest[key]]));
  const exported = [...entries].map(([name, source]) => {
    const declaration = relative(join(workspace, "src"), source).replace(/\.ts$/, ".d.ts");
    return [
      name === "index" ? "." : `./${name}`,
      { ...(types.has(declaration) ? { types: `./types/${declaration}` } : {}), default: `./${name}.js` },
    ];
  });
  return {
    ...kept,
    sideEffects: effects.length > 0 && effects.map((file) => `./${file}`),
    files: ["*.js", "library", "types", "NOTICES.txt"],
    exports: { ...Object.fromEntries(exported), "./library/*": "./library/*", "./package.json": "./package.json" },
    ...(external.length > 0
      ? { dependencies: Object.fromEntries(external.map((name) => [name, manifest.dependencies[name]])) }
      : {}),
  };
}
