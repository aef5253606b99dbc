// The JavaScript of a package: its entries and what they share, minified, all in one folder.
//
// A browser must be able to run the files as they are, and every bundler must be able to follow them. So workers and
// assets are found by `new URL("./name", import.meta.url)` with a literal, which all of them know, and every file lies
// in the same folder, so that such a literal is right wherever a bundler puts the code that has it.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, dirname, join, relative, resolve } from "node:path";
import { rolldown } from "rolldown";

const ASSETS = "library";
const IN_SOURCE = /\bnew URL\(\s*"([^"]+)",\s*import\.meta\.url\s*,?\s*\)/g;
const IN_OUTPUT = /\bnew URL\(\s*["'`]([^"'`]+)["'`]\s*,\s*import\.meta\.url\s*\)/g;

/**
 * `entries`: name -> source. `external`: packages that are not bundled.
 * Gives `assets` (name in the package -> file), `effects` (files that are there for what they do, not for what they
 * export) and `notices`, the licenses of what was bundled.
 */
export async function bundle({ workspace, entries, external, dist }) {
  const assets = new Map();
  const bundled = new Set();
  const nameOf = new Map([...entries].map(([name, source]) => [source, name]));

  /** `new URL("../worker/main.ts", ...)` in the file `id` -> what that file is called in the package. */
  const inPackage = (relativePath, id) => {
    const source = resolve(dirname(id), relativePath);
    if (nameOf.has(source)) return `./${nameOf.get(source)}.js`;
    if (!existsSync(source)) throw new Error(`${id} asks for ${relativePath}, which is not there: build it first.`);
    const name = `${ASSETS}/${basename(source)}`;
    if ((assets.get(name) ?? source) !== source) throw new Error(`Two assets are called ${name}.`);
    assets.set(name, source);
    return `./${name}`;
  };

  const plugin = {
    name: "package-urls",
    transform(code, id) {
      if (id.includes("/node_modules/")) bundled.add(id.replace(/(.*\/node_modules\/(@[^/]+\/)?[^/]+).*/, "$1"));
      if (!code.includes("import.meta.url")) return null;
      return code.replace(IN_SOURCE, (_, path) => `new URL(${JSON.stringify(inPackage(path, id))}, import.meta.url)`);
    },
    generateBundle(_options, files) {
      for (const file of Object.values(files)) {
        let found = 0;
        // Minifiers write literals with backticks, which not every bundler reads.
        file.code = file.code.replace(IN_OUTPUT, (_, path) => {
          found++;
          return `new URL(${JSON.stringify(path)},import.meta.url)`;
        });
        if (found !== file.code.split("import.meta").length - 1)
          throw new Error(`${file.fileName} uses import.meta other than in new URL("./file", import.meta.url).`);
      }
    },
  };

  const build = await rolldown({
    input: Object.fromEntries(entries),
    external,
    platform: "browser",
    transform: { target: "es2022" },
    plugins: [plugin],
  });
  const { output } = await build.write({
    dir: dist,
    format: "es",
    minify: true,
    // What everything else is written with, in one file: it would be a dozen of some hundred bytes.
    codeSplitting: {
      groups: [
        { name: "base", test: /src\/(internal|contract\/(accept|check|generate|limits|messages|primordials|rules))/ },
      ],
    },
    entryFileNames: "[name].js",
    // By what they hold, so that the list of a package's files changes with its parts and not with their text.
    chunkFileNames: ({ facadeModuleId, name }) =>
      facadeModuleId
        ? `${relative(join(workspace, "src"), facadeModuleId).replace(/\.ts$/, "").replaceAll("/", "-")}.js`
        : `shared-${name}.js`,
  });
  await build.close();
  const effects = output.filter((chunk) => chunk.exports.length === 0 || isImportedBare(chunk, output));
  return {
    assets,
    effects: effects.map(({ fileName }) => fileName).sort(),
    notices: [...bundled].sort().map(notice).join("\n\n"),
  };
}

/** `import "./chunk.js"`: somebody relies on what it does. */
function isImportedBare({ fileName }, chunks) {
  return chunks.some(({ code }) =>
    ['"', "'", "`"].some((quote) => code.includes(`import${quote}./${fileName}${quote}`)),
  );
}

function notice(folder) {
  const { name, version, license } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  const file = readdirSync(folder).find((candidate) => /^licen[cs]e/i.test(candidate));
  if (!file) throw new Error(`${name} is bundled and has no license file.`);
  return `${name} ${version} (${license})\n\n${readFileSync(join(folder, file), "utf8").trim()}\n`;
}
