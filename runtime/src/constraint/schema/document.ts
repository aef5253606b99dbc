/** One JSON Schema document: its draft, where its schemas are, and what a reference in it means. */
import { malformed, notSupported } from "../limits";

export type Draft = "2020-12" | "7";

type Json = Record<string, unknown>;

/** A schema in its place. */
export interface Location {
  readonly serial: number;
  readonly schema: boolean | Readonly<Json>;
  readonly path: string;
  readonly resource: Resource;
}

/** A schema with an identifier of its own, which references below it are relative to. */
interface Resource {
  readonly uri: string;
  readonly root: unknown;
  readonly path: string;
  readonly anchors: Map<string, Location>;
}

/** Relative references of a document without $id resolve against something. */
const NO_URI = "schema://document/";

const ONE = [
  "additionalProperties",
  "additionalItems",
  "items",
  "contains",
  "not",
  "if",
  "then",
  "else",
  "propertyNames",
  "unevaluatedItems",
  "unevaluatedProperties",
  "contentSchema",
]; // prettier-ignore
const LISTS = ["allOf", "anyOf", "oneOf", "prefixItems", "items"];
const MAPS = ["properties", "patternProperties", "$defs", "definitions", "dependentSchemas", "dependencies"];

export class SchemaDocument {
  readonly draft: Draft;
  readonly root: Location;
  private readonly resources = new Map<string, Resource>();
  private readonly locations = new Map<object, Location>();
  private readonly dynamicAnchors = new Map<string, number>();
  private serials = 0;

  constructor(schema: unknown, path: string) {
    this.draft = readDraft(schema, path);
    this.root = this.walk(schema, path, this.resource(NO_URI, schema, path));
  }

  /** The location of a schema that stands in another one, by what was found there. */
  at(schema: unknown, path: string, parent: Location): Location {
    const known = typeof schema === "object" && schema !== null ? this.locations.get(schema) : undefined;
    return known ?? this.place(schema, path, parent.resource);
  }

  /** Errors: not_supported where it leads out of the document. */
  resolve(reference: unknown, from: Location, keyword: string): Location {
    const path = `${from.path}/${keyword}`;
    if (typeof reference !== "string") throw malformed(path, "a string");
    const url = absolute(reference, from.resource.uri, path);
    const resource = this.resources.get(withoutFragment(url));
    if (!resource)
      throw notSupported(
        path,
        keyword,
        `${reference.slice(0, 200)} is not in this schema, and others are not fetched.`,
      );
    const fragment = unescaped(url.hash.slice(1), path);
    if (fragment === "") return this.at(resource.root, resource.path, { resource } as Location);
    if (!fragment.startsWith("/")) {
      const anchored = resource.anchors.get(fragment);
      if (!anchored)
        throw malformed(path, `a reference to something that exists, and ${reference.slice(0, 200)} is none`);
      return anchored;
    }
    return this.follow(fragment, resource, path);
  }

  /** As a $ref, unless it depends on who refers: two anchors of that name make it dynamic. */
  resolveDynamic(reference: unknown, from: Location): Location {
    const target = this.resolve(reference, from, "$dynamicRef");
    const name = typeof target.schema === "object" ? target.schema.$dynamicAnchor : undefined;
    const named = typeof reference === "string" && reference.endsWith(`#${String(name)}`);
    if (named && (this.dynamicAnchors.get(String(name)) ?? 0) > 1)
      throw notSupported(
        `${from.path}/$dynamicRef`,
        "$dynamicRef",
        `there are several $dynamicAnchor "${String(name)}".`,
      );
    return target;
  }

  private follow(pointer: string, start: Resource, path: string): Location {
    let value = start.root;
    let resource = start;
    let at = start.path;
    for (const part of pointer.slice(1).split("/")) {
      const key = part.replaceAll("~1", "/").replaceAll("~0", "~");
      const has = typeof value === "object" && value !== null && Object.hasOwn(value, key);
      if (!has) throw malformed(path, `a reference to something that exists, and #${pointer.slice(0, 200)} is none`);
      value = (value as Json)[key];
      at += `/${part}`;
      const known = typeof value === "object" && value !== null ? this.locations.get(value) : undefined;
      if (known) resource = known.resource;
    }
    return this.at(value, at, { resource } as Location);
  }

  private place(schema: unknown, path: string, resource: Resource): Location {
    if (typeof schema !== "boolean" && (typeof schema !== "object" || schema === null || Array.isArray(schema)))
      throw malformed(path, "a schema, an object or a boolean");
    const location: Location = { serial: this.serials++, schema: schema as Location["schema"], path, resource };
    if (typeof schema === "object") this.locations.set(schema, location);
    return location;
  }

  private walk(schema: unknown, path: string, outer: Resource): Location {
    if (typeof schema !== "object" || schema === null || Array.isArray(schema)) return this.place(schema, path, outer);
    const keywords = schema as Json;
    const resource = this.identified(keywords, path, outer);
    const location = this.place(schema, path, resource);
    this.anchor(keywords, location);
    const each = (value: unknown, below: string) => {
      if (typeof value === "object" && value !== null && !Array.isArray(value)) this.walk(value, below, resource);
    };
    for (const key of ONE) each(keywords[key], `${path}/${key}`);
    for (const key of LISTS) {
      const list = keywords[key];
      if (Array.isArray(list)) for (const [i, value] of list.entries()) each(value, `${path}/${key}/${i}`);
    }
    for (const key of MAPS) {
      const map = keywords[key];
      if (typeof map !== "object" || map === null || Array.isArray(map)) continue;
      for (const [name, value] of Object.entries(map)) each(value, `${path}/${key}/${pointerPart(name)}`);
    }
    return location;
  }

  private identified(keywords: Json, path: string, outer: Resource): Resource {
    const { $id: id } = keywords;
    if (typeof id !== "string" || (this.draft === "7" && ("$ref" in keywords || id.startsWith("#")))) return outer;
    return this.resource(withoutFragment(absolute(id, outer.uri, `${path}/$id`)), keywords, path);
  }

  private anchor(keywords: Json, location: Location): void {
    const { anchors } = location.resource;
    if (this.draft === "7") {
      const { $id: id } = keywords;
      if (typeof id === "string" && id.startsWith("#") && !("$ref" in keywords)) anchors.set(id.slice(1), location);
      return;
    }
    const { $anchor: plain, $dynamicAnchor: dynamic } = keywords;
    if (typeof plain === "string") anchors.set(plain, location);
    if (typeof dynamic === "string") {
      anchors.set(dynamic, location);
      this.dynamicAnchors.set(dynamic, (this.dynamicAnchors.get(dynamic) ?? 0) + 1);
    }
  }

  private resource(uri: string, root: unknown, path: string): Resource {
    const resource: Resource = { uri, root, path, anchors: new Map() };
    // The first one counts: what is inside of it cannot take its name.
    if (!this.resources.has(uri)) this.resources.set(uri, resource);
    return resource;
  }
}

export function pointerPart(name: string): string {
  return name.replaceAll("~", "~0").replaceAll("/", "~1");
}

function readDraft(schema: unknown, path: string): Draft {
  const given = typeof schema === "object" && schema !== null ? (schema as Json).$schema : undefined;
  if (given === undefined) return "2020-12";
  const known =
    typeof given === "string" ? /^https?:\/\/json-schema\.org\/(draft\/2020-12|draft-07)\/schema#?$/.exec(given) : null;
  if (known === null) throw notSupported(`${path}/$schema`, "$schema", "only draft 2020-12 and draft 7 are supported.");
  return known[1] === "draft-07" ? "7" : "2020-12";
}

function absolute(reference: string, base: string, path: string): URL {
  try {
    return new URL(reference, base);
  } catch {
    throw malformed(path, "a URI reference");
  }
}

function withoutFragment(url: URL): string {
  return url.href.split("#", 1)[0]!;
}

function unescaped(fragment: string, path: string): string {
  try {
    return decodeURIComponent(fragment);
  } catch {
    throw malformed(path, "a URI reference");
  }
}
