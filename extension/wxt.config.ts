import { defineConfig } from "wxt";

/**
 * The public half of the key that fixes the extension's id, and with it the origin that owns the models in OPFS.
 * The private half was thrown away: an unpacked extension needs none, and the store signs with its own.
 */
const KEY =
  "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAr+qWUTlX0erQP1/yYuyBrH81plgqLoj55Hx4YtgyWlF342cZdh0efL04ltccDwjGAMfXZpJesY+GJKibYiPk8A0B/nOOSOn8p1tSBuSv3HZk4icA5RrREMztkyYdbvDMCijRwsagTiE29L0JGqaUUYuNSC/Fke7881yNFfw8/vCjzhvJYg76jo5TlTFb9XZQPeGxsHV3xO0889F1zsa7hXEAok2I46NNpTwwIBLU2xQuq/zCwNt3ksNngOW6gZo7nR8G4N+0hAG5IskRboTsJJ0UyeopO2oms9YIxsT5GnI50QUisG9kX4Nop6OvVSDnezoUJQ8ccagKTq+hpSK3QQIDAQAB";

/** Nothing but our own files runs or is drawn; only model downloads (fetch) may go to other hosts. */
const EXTENSION_PAGES_CSP = [
  "default-src 'none'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "worker-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self' https: http:",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

const EVERY_FRAME = {
  matches: ["<all_urls>"],
  run_at: "document_start" as const,
  all_frames: true,
  match_origin_as_fallback: true,
};

export default defineConfig({
  imports: false,
  manifestVersion: 3,
  targetBrowsers: ["chrome"],
  manifest: {
    name: "NoMoat",
    description: "Open language models on your own machine, for every page that you allow.",
    key: KEY,
    // 123: the ports of a page that enters the back/forward cache are closed, which is what ends its requests.
    minimum_chrome_version: "123",
    permissions: ["offscreen", "scripting", "storage", "unlimitedStorage", "sidePanel"],
    // Asked for by the person's switch of the task interfaces, for one host at a time (docs/decisions/0231).
    optional_host_permissions: ["http://*/*", "https://*/*"],
    action: { default_title: "NoMoat" },
    side_panel: { default_path: "sidepanel.html" },
    content_security_policy: { extension_pages: EXTENSION_PAGES_CSP },
    cross_origin_embedder_policy: { value: "require-corp" },
    cross_origin_opener_policy: { value: "same-origin" },
    // The order matters: the isolated script must be listening when the main-world script offers its port.
    // They are unlisted scripts, not WXT content scripts, because WXT's wrapper announces itself to the page
    // by window.postMessage.
    content_scripts: [
      { ...EVERY_FRAME, js: ["bridge.js"], world: "ISOLATED" },
      { ...EVERY_FRAME, js: ["page.js"], world: "MAIN" },
    ],
  },
});
