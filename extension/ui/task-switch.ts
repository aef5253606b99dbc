/** The person's switch of the task interfaces for a site. */
import type { AdminClient } from "./admin-client";

/**
 * Call it from a click: turning on needs the permission for that host, which a browser that asks about it gives only there.
 * Returns whether it is on.
 */
export async function switchTasks(client: AdminClient, origin: string, on: boolean): Promise<boolean> {
  // A browser that asks closes the popup: what is wanted is said before, and a registered script waits for its permission.
  const asked = on ? chrome.permissions.request({ origins: [taskHost(origin)] }) : Promise.resolve(false);
  await client.call("site.tasks", { origin, on });
  const allowed = await asked;
  if (on && !allowed) await client.call("site.tasks", { origin, on: false });
  return allowed;
}

/** The host of an origin, on every port: a permission has none. */
function taskHost(origin: string): string {
  const { protocol, hostname } = new URL(origin);
  return `${protocol}//${hostname}/*`;
}
