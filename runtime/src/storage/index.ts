/** The storage side: packages installed in the browser, or read straight from a URL, behind one interface. */
export type { DownloadSettings } from "./download";
export type { InstallOptions } from "./install";
export type { Manifest, PackageFile } from "./manifest";
export { checkpointAddress } from "./package_url";
export { type PackageSource, type WeightOptions, type WeightSink, weightSizes } from "./source";
export { type InstalledPackage, openStore, type PackageStore, type StoreEnvironment } from "./store";
export { type OpenUrlOptions, openUrl } from "./url_source";
