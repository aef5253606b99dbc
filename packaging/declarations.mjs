// The types of a package: what the compiler declares of its entries, and of what those name.
//
// Sources import each other without extensions, as bundlers resolve them. Declarations are also read under Node's rules,
// where a relative import names a file, so the names are completed here.
import { existsSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import ts from "typescript";

/** `sources`: of the entries. `external`: our packages that are not bundled, built before. Name below types/ -> text. */
export function declarations({ workspace, sources, external }) {
  const declare = compiler({ workspace, sources, external });
  const result = new Map();
  const waiting = [...sources];
  for (const source of waiting) {
    const name = relative(join(workspace, "src"), source).replace(/\.ts$/, ".d.ts");
    if (result.has(name)) continue;
    const { completed, imported } = complete(source, declare(source));
    result.set(name, completed);
    waiting.push(...imported);
  }
  return result;
}

/** A function that gives the declaration of a source. It is asked for those that are needed, which spares the others. */
function compiler({ workspace, sources, external }) {
  const { config } = ts.readConfigFile(join(workspace, "tsconfig.json"), ts.sys.readFile);
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, workspace);
  const program = ts.createProgram(sources, {
    ...options,
    noEmit: false,
    declaration: true,
    emitDeclarationOnly: true,
    outDir: workspace,
    rootDir: workspace,
    paths: Object.fromEntries(external.map((name) => [name, [typesOf(name, workspace)]])),
  });
  return (source) => {
    let declared = "";
    const { diagnostics } = program.emit(
      program.getSourceFile(source),
      (_, text) => (declared = text),
      undefined,
      true,
    );
    // Only what cannot be declared: whether the sources are right is what `npm run typecheck` says.
    if (diagnostics.length > 0)
      throw new Error(
        diagnostics.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, "\n")).join("\n"),
      );
    return declared;
  };
}

/** What was declared of a package of ours, which is far quicker to read than its sources. */
function typesOf(name, workspace) {
  const types = resolve(workspace, "..", name.split("/")[1], "dist/types/index.d.ts");
  if (!existsSync(types)) throw new Error(`${types} is not there: build ${name} first.`);
  return types;
}

/** The declaration with whole names in its imports, and the sources that they are of. */
function complete(source, text) {
  const imported = [];
  const edits = [];
  const visit = (node) => {
    const literal =
      ts.isImportDeclaration(node) || ts.isExportDeclaration(node)
        ? node.moduleSpecifier
        : ts.isImportTypeNode(node)
          ? node.argument.literal
          : undefined;
    if (literal?.text.startsWith(".")) {
      const path = resolve(dirname(source), literal.text);
      const target = [`${path}.ts`, `${path}/index.ts`].find(existsSync);
      if (!target) throw new Error(`${source} names ${literal.text}, which is not there.`);
      imported.push(target);
      const name = relative(dirname(source), target).replace(/\.ts$/, ".js");
      edits.push([literal.getStart(), literal.getEnd(), JSON.stringify(name.startsWith(".") ? name : `./${name}`)]);
    }
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile(source, text, ts.ScriptTarget.ESNext, true));
  let completed = text;
  for (const [from, to, name] of edits.reverse()) completed = completed.slice(0, from) + name + completed.slice(to);
  return { completed, imported };
}
