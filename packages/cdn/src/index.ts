export { CdnError, type CdnErrorCode } from "./errors.ts";
export { cloudflare } from "./networks/cloudflare.ts";
export { cloudFront } from "./networks/cloudfront.ts";
export { fastly } from "./networks/fastly.ts";
export { allNetworks, type CdnNetwork, type PurgeItem } from "./networks/network.ts";
export { ownCaches } from "./networks/own-caches.ts";
export {
  cloudFrontSigner,
  type OwnSigner,
  ownSigner,
  type UrlSigner,
} from "./signing/signed-urls.ts";
export { openLocalStore } from "./stores/local-store.ts";
export { openS3Store } from "./stores/s3-store.ts";
export type { ByteRange, FileStore } from "./stores/store.ts";
