"""Every byte that the origin of a page, or of a worker, has in its private file system."""

from __future__ import annotations

import base64

from playwright.sync_api import Page

READ = """async (folder) => {
  let files = [];
  const walk = async (directory, path) => {
    for await (const [name, entry] of directory.entries()) {
      if (entry.kind === "directory") await walk(entry, `${path}${name}/`);
      else files.push([path + name, await entry.getFile()]);
    }
  };
  let start = await navigator.storage.getDirectory();
  try {
    for (const name of folder.split("/")) start = await start.getDirectoryHandle(name);
  } catch { return {}; }
  await walk(start, "");
  const found = {};
  for (const [path, file] of files) {
    const bytes = new Uint8Array(await file.arrayBuffer());
    let text = "";
    for (let i = 0; i < bytes.length; i += 32768) text += String.fromCharCode(...bytes.subarray(i, i + 32768));
    found[path] = btoa(text);
  }
  return found;
}"""


def stored_bytes(page: Page, folder: str) -> dict[str, bytes]:
    """path -> bytes, of ``folder`` and below; empty where it is not there."""
    return {path: base64.b64decode(text) for path, text in page.evaluate(READ, folder).items()}
