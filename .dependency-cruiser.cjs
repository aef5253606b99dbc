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
    layer(
      "internal-is-the-bottom",
      "^runtime/src/internal",
      "^runtime/src/(api|engine|text|constraint|device|storage|worker)/",
    ),
    layer(
      "constraint-knows-no-model",
      "^runtime/src/constraint",
      "^runtime/src/(api|engine|text|device|storage|worker)/",
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
    layer("text-below-engine", "^runtime/src/text", "^runtime/src/(api|engine|constraint|device|storage|worker)/"),
    layer("device-below-engine", "^runtime/src/device", "^runtime/src/(api|engine|text|constraint|storage|worker)/"),
    layer("webgpu-knows-no-wasm", "^runtime/src/device/webgpu/", "^runtime/src/device/wasm/"),
    layer("wasm-knows-no-webgpu", "^runtime/src/device/wasm/", "^runtime/src/device/webgpu/"),
    // Whatever is above goes through the interface (executor.ts) and open.ts, so that a device can come and go.
    layer(
      "devices-behind-their-interface",
      "^runtime/src/(?!device/(webgpu|wasm)/|device/open\\.ts)",
      "^runtime/src/device/(webgpu|wasm)/",
    ),
    layer("storage-below-engine", "^runtime/src/storage", "^runtime/src/(api|engine|text|device|worker)/"),
    {
      name: "engine-below-api",
      severity: "error",
      from: { path: "^runtime/src/engine" },
      to: { path: "^runtime/src/(api|worker)/", dependencyTypesNot: ["type-only"] },
    },
    {
      name: "only-the-package-entry",
      severity: "error",
      from: { path: "^(web|extension)/" },
      to: { path: "^runtime/src/(?!index\\.ts|worker/main\\.ts)" },
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
