export { CdnError } from "./errors.ts";
export { cloudflare } from "./networks/cloudflare.ts";
export { fastly } from "./networks/fastly.ts";
export { allNetworks, type CdnNetwork } from "./networks/network.ts";
export { ownCaches } from "./networks/own-caches.ts";
export { type OwnSigner, ownSigner, type UrlSigner } from "./signing/signed-urls.ts";
export { openLocalStore } from "./stores/local-store.ts";
export { type ByteRange, type FileStore, partBytes } from "./stores/store.ts";
