// Arrows between folders point one way; ARCHITECTURE.md says why.
const layer = (name, from, to) => ({ name, severity: "error", from: { path: from }, to: { path: to } });
module.exports = {
  forbidden: [
    {
      name: "no-cycles",
      severity: "error",
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ["type-only"] } },
    },
    layer("internal-is-the-bottom", "^runtime/src/internal", "^runtime/src/(?!internal/)"),
    {
      name: "contract-knows-nothing",
      severity: "error",
      from: { path: "^runtime/src/contract" },
      to: { path: "^runtime/src/(?!contract/|internal/)", dependencyTypesNot: ["type-only"] },
    },
    layer(
      "constraint-knows-no-model",
      "^runtime/src/constraint",
      "^runtime/src/(api|chat|sessions|engine|text|device|storage|worker)/",
    ),
    // It is a part of its own, which is loaded with the first constraint.
    {
      name: "constraint-on-first-use",
      severity: "error",
      from: { path: "^runtime/src/(?!constraint/|engine/constraints\\.ts)" },
      to: {
        path: "^runtime/src/(constraint/|engine/constraints\\.ts)",
        dependencyTypesNot: ["type-only", "dynamic-import"],
      },
    },
    layer("text-below-engine", "^runtime/src/text", "^runtime/src/(api|chat|sessions|engine|device|storage|worker)/"),
    layer(
      "device-below-engine",
      "^runtime/src/device",
      "^runtime/src/(api|chat|sessions|engine|constraint|text|storage|worker)/",
    ),
    layer("webgpu-knows-no-wasm", "^runtime/src/device/webgpu/", "^runtime/src/device/wasm/"),
    layer("wasm-knows-no-webgpu", "^runtime/src/device/wasm/", "^runtime/src/device/webgpu/"),
    // Whatever is above goes through the interface (executor.ts) and open.ts, so that a device can come and go.
    layer(
      "devices-behind-their-interface",
      "^runtime/src/(?!device/(webgpu|wasm)/|device/open\\.ts)",
      "^runtime/src/device/(webgpu|wasm)/",
    ),
    // The importer is a part of its own, which is loaded with the first checkpoint.
    {
      name: "import-on-first-use",
      severity: "error",
      from: { path: "^runtime/src/(?!import/)" },
      to: { path: "^runtime/src/import/", dependencyTypesNot: ["type-only", "dynamic-import"] },
    },
    layer("import-below-engine", "^runtime/src/import/", "^runtime/src/(api|chat|sessions|engine|worker)/"),
    layer(
      "storage-below-engine",
      "^runtime/src/storage",
      "^runtime/src/(api|chat|sessions|engine|text|device|worker)/",
    ),
    // The page's side of the Prompt API goes where only a port is: it must not bring the engine along.
    {
      name: "language-model-over-its-port",
      severity: "error",
      from: { path: "^runtime/src/language_model" },
      to: { path: "^runtime/src/(?!language_model/)", dependencyTypesNot: ["type-only"] },
    },
    {
      name: "sessions-below-worker",
      severity: "error",
      from: { path: "^runtime/src/sessions" },
      to: { path: "^runtime/src/(api|worker|language_model)/", dependencyTypesNot: ["type-only"] },
    },
    layer("engine-below-sessions", "^runtime/src/engine", "^runtime/src/(sessions|memory)/"),
    {
      name: "memory-below-worker",
      severity: "error",
      from: { path: "^runtime/src/memory" },
      to: {
        path: "^runtime/src/(api|worker|chat|sessions|language_model|text|constraint)/",
        dependencyTypesNot: ["type-only"],
      },
    },
    // It is a part of its own, which is loaded with the first memory.
    {
      name: "memory-on-first-use",
      severity: "error",
      from: { path: "^runtime/src/(?!memory/|worker/conversations\\.ts)" },
      to: { path: "^runtime/src/memory/", dependencyTypesNot: ["type-only", "dynamic-import"] },
    },
    {
      name: "engine-below-api",
      severity: "error",
      from: { path: "^runtime/src/engine" },
      to: { path: "^runtime/src/(api|chat|worker)/", dependencyTypesNot: ["type-only"] },
    },
    {
      name: "chat-below-worker",
      severity: "error",
      from: { path: "^runtime/src/chat" },
      to: { path: "^runtime/src/(api|worker)/", dependencyTypesNot: ["type-only"] },
    },
    {
      name: "only-the-package-entry",
      severity: "error",
      from: { path: "^(web|extension|client)/" },
      to: {
        path: "^runtime/src/(?!index\\.ts|contract/index\\.ts|api/openai_fetch\\.ts|worker/main\\.ts|language_model/(tasks/)?index\\.ts)",
      },
    },
    // A page whose person has a model must not load an engine.
    {
      name: "client-fetches-the-runtime",
      severity: "error",
      from: { path: "^client/src" },
      to: { path: "^runtime/", dependencyTypesNot: ["type-only", "dynamic-import"] },
    },
    {
      name: "nobody-imports-tests",
      severity: "error",
      from: { pathNot: "(^|/)(tests/|vitest\\.config\\.ts$)" },
      to: { path: "(^|/)tests/" },
    },
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.base.json" },
    exclude: { path: "(^|/)(\\.output|\\.wxt|dist)/" },
  },
};
