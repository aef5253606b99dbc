/** Proves what is remembered about sites, for how long, and what a revocation forgets. Needs nothing. */
import { describe, expect, it } from "vitest";
import { Permissions } from "../offscreen/permissions";
import { partitionOf } from "../offscreen/router";
import type { Site } from "../offscreen/site";
import type { Permission } from "../protocol/background";

const site = (changed: Partial<Site> = {}): Site => ({
  origin: "https://a.example",
  topOrigin: "https://a.example",
  documentId: "1",
  tabId: 1,
  incognito: false,
  ...changed,
});

function setUp(stored: Permission[] = []) {
  const saved: Permission[][] = [];
  let now = 1000;
  const permissions = new Permissions(
    stored,
    (all) => saved.push(all),
    () => now++,
  );
  return { permissions, saved };
}

describe("Permissions", () => {
  it("knows nothing at first", () => {
    const { permissions } = setUp();
    expect(permissions.grantOf(site())).toBeNull();
    expect(permissions.rows()).toEqual([]);
  });

  it("remembers always and deny, and saves them", () => {
    const { permissions, saved } = setUp();
    permissions.remember(site(), "allow");
    permissions.remember(site({ origin: "https://b.example", topOrigin: "https://b.example" }), "deny");
    expect(permissions.grantOf(site({ documentId: "2" }))?.decision).toBe("allow");
    expect(saved.at(-1)).toHaveLength(2);
    expect(setUp(saved.at(-1)).permissions.rows()).toEqual(permissions.rows());
  });

  it("keeps once for one document, and saves nothing of it", () => {
    const { permissions, saved } = setUp();
    permissions.allowOnce(site());
    expect(permissions.grantOf(site())?.decision).toBe("allow");
    expect(permissions.grantOf(site({ documentId: "2" }))).toBeNull();
    expect(permissions.rows()).toMatchObject([{ decision: "once" }]);
    permissions.documentClosed(site());
    expect(permissions.grantOf(site())).toBeNull();
    expect(saved).toEqual([]);
  });

  it("keeps a site apart from the same site inside another page", () => {
    const { permissions } = setUp();
    permissions.remember(site(), "allow");
    expect(permissions.grantOf(site({ topOrigin: "https://top.example" }))).toBeNull();
  });

  it("neither uses nor changes what is remembered in incognito", () => {
    const { permissions } = setUp();
    permissions.remember(site(), "allow");
    expect(permissions.grantOf(site({ incognito: true }))).toBeNull();
  });

  it("forgets both kinds on revocation", () => {
    const { permissions, saved } = setUp();
    permissions.remember(site(), "allow");
    permissions.allowOnce(site({ documentId: "2" }));
    permissions.revoke(site());
    expect(permissions.grantOf(site())).toBeNull();
    expect(permissions.grantOf(site({ documentId: "2" }))).toBeNull();
    expect(saved.at(-1)).toEqual([]);
  });

  it("lets a denial override an earlier once", () => {
    const { permissions } = setUp();
    permissions.allowOnce(site());
    permissions.remember(site(), "deny");
    expect(permissions.grantOf(site())?.decision).toBe("deny");
  });
});

describe("partitionOf", () => {
  const grant = { decision: "allow", since_ms: 1 } as const;

  it("separates top sites, origins, incognito and renewed permissions", () => {
    const partitions = [
      partitionOf(site(), grant),
      partitionOf(site({ topOrigin: "https://top.example" }), grant),
      partitionOf(site({ origin: "https://b.example" }), grant),
      partitionOf(site({ incognito: true }), grant),
      partitionOf(site(), { ...grant, since_ms: 2 }),
    ];
    expect(new Set(partitions).size).toBe(partitions.length);
  });

  it("is shared by two documents of a site", () => {
    expect(partitionOf(site({ documentId: "2", tabId: 2 }), grant)).toBe(partitionOf(site(), grant));
  });
});
