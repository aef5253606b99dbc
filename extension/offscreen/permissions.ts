/**
 * What the user has decided about sites: "always" and "deny" are remembered, "once" lasts for one document.
 * In incognito windows nothing is remembered and nothing remembered counts.
 */

import type { SiteRow } from "../protocol/admin-port";
import type { Decision, Permission } from "../protocol/background";
import type { Site } from "./site";

export interface Grant {
  readonly decision: Decision;
  readonly since_ms: number;
}

type Pair = Pick<Permission, "origin" | "topOrigin">;

export class Permissions {
  readonly #remembered = new Map<string, Permission>();
  /** By document, then by pair: a document has one origin, but it may be asked about while embedded. */
  readonly #once = new Map<string, Pair & { since_ms: number }>();
  readonly #save: (permissions: Permission[]) => void;
  readonly #now: () => number;

  constructor(stored: readonly Permission[], save: (permissions: Permission[]) => void, now: () => number = Date.now) {
    for (const permission of stored) this.#remembered.set(pairKey(permission), permission);
    this.#save = save;
    this.#now = now;
  }

  /** Null: the user has not decided. */
  grantOf(site: Site): Grant | null {
    const once = this.#once.get(documentKey(site));
    if (once) return { decision: "allow", since_ms: once.since_ms };
    return (site.incognito ? undefined : this.#remembered.get(pairKey(site))) ?? null;
  }

  allowOnce(site: Site): void {
    this.#once.set(documentKey(site), { origin: site.origin, topOrigin: site.topOrigin, since_ms: this.#now() });
  }

  remember(pair: Pair, decision: Decision): void {
    const { origin, topOrigin } = pair;
    this.#forgetOnce(pair);
    this.#remembered.set(pairKey(pair), { origin, topOrigin, decision, since_ms: this.#now() });
    this.#save([...this.#remembered.values()]);
  }

  /** Forgets everything about the pair: the next request asks again. */
  revoke(pair: Pair): void {
    this.#forgetOnce(pair);
    if (this.#remembered.delete(pairKey(pair))) this.#save([...this.#remembered.values()]);
  }

  documentClosed(site: Site): void {
    this.#once.delete(documentKey(site));
  }

  rows(): SiteRow[] {
    const once = new Map([...this.#once.values()].map((pair) => [pairKey(pair), pair]));
    return [
      ...[...this.#remembered.values()].map(
        ({ origin, topOrigin, decision }): SiteRow => ({ origin, topOrigin, decision }),
      ),
      ...[...once.values()]
        .filter((pair) => !this.#remembered.has(pairKey(pair)))
        .map(({ origin, topOrigin }): SiteRow => ({ origin, topOrigin, decision: "once" })),
    ].sort((a, b) => a.origin.localeCompare(b.origin) || a.topOrigin.localeCompare(b.topOrigin));
  }

  #forgetOnce(pair: Pair): void {
    for (const [key, granted] of this.#once) if (pairKey(granted) === pairKey(pair)) this.#once.delete(key);
  }
}

/** Two answers, about a site alone and inside another page, are two permissions. */
export function pairKey({ origin, topOrigin }: Pair): string {
  return `${topOrigin} ${origin}`;
}

function documentKey(site: Site): string {
  return `${site.documentId} ${pairKey(site)}`;
}
