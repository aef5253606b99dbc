/** Proves what an address must be, and which packages are refused before they are downloaded. Uses a fetch of its own. */
import { afterEach, describe, expect, it, vi } from "vitest";
import { readPackageId, toModelUrl } from "../offscreen/package-url";

const BASE = "https://host.example/models/m/";
const live = () => new AbortController().signal;
const opaque = { own_operators: [{ definition: { op: "opaque", name: "scan" } }] };
const known = { own_operators: [{ definition: { op: "linear" } }] };

/** Serves files by path below BASE; counts what is asked for. */
function serve(files: Record<string, unknown>): string[] {
  const asked: string[] = [];
  vi.stubGlobal("fetch", async (url: string) => {
    const path = url.slice(BASE.length);
    asked.push(path);
    const body = files[path];
    return new Response(typeof body === "string" ? body : JSON.stringify(body), {
      status: body === undefined ? 404 : 200,
    });
  });
  return asked;
}

afterEach(() => void vi.unstubAllGlobals());

describe("the address of a model", () => {
  it.each([
    ["https://host.example/models/m", BASE],
    [`${BASE}nomoat.json?x#y`, BASE],
    [` ${BASE} `, BASE],
    ["https://hub.example/a/b/blob/main/m.Q4_K_M.gguf#x", "https://hub.example/a/b/resolve/main/m.Q4_K_M.gguf"],
    ["https://host.example/m.GGUF?token=1", "https://host.example/m.GGUF?token=1"],
  ])("%s is %s", (address, url) => expect(toModelUrl(address)).toBe(url));

  it.each(["m", "ftp://host.example/m/", ""])("%s is none", (address) => {
    expect(() => toModelUrl(address)).toThrow(expect.objectContaining({ code: "invalid_request" }));
  });
});

describe("the id of a package", () => {
  const manifest = { id: "m", program: "program/program.json" };

  it("comes from its manifest alone where own GPU programs are allowed", async () => {
    const asked = serve({ "nomoat.json": manifest, "program/program.json": opaque });
    expect(await readPackageId(BASE, live(), true)).toBe("m");
    expect(asked).toEqual(["nomoat.json"]);
  });

  it("is given where they are not allowed, for a program that needs none", async () => {
    for (const program of [known, {}, { own_operators: [] }, null, []]) {
      serve({ "nomoat.json": manifest, "program/program.json": program });
      expect(await readPackageId(BASE, live(), false)).toBe("m");
    }
  });

  it("is refused for a program that needs them", async () => {
    const asked = serve({ "nomoat.json": manifest, "program/program.json": opaque });
    await expect(readPackageId(BASE, live(), false)).rejects.toMatchObject({ code: "not_allowed" });
    expect(asked).toEqual(["nomoat.json", "program/program.json"]);
  });

  it.each([
    ["nothing", {}, "network"],
    ["no JSON", { "nomoat.json": "<html>" }, "invalid_package"],
    ["no id", { "nomoat.json": { id: "../m" } }, "invalid_package"],
    ["null", { "nomoat.json": null }, "invalid_package"],
    ["no program", { "nomoat.json": manifest }, "network"],
    ["a program that is no JSON", { "nomoat.json": manifest, "program/program.json": "x" }, "invalid_package"],
  ])("is refused for %s", async (_, files, code) => {
    serve(files);
    await expect(readPackageId(BASE, live(), false)).rejects.toMatchObject({ code });
  });
});
