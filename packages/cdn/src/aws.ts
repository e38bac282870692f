/*
 * What needs the SDK of AWS, which takes 60 ms to load: an entrance of its own, for those whose
 * settings ask for it.
 */
export { cloudFront } from "./networks/cloudfront.ts";
export { cloudFrontSigner } from "./signing/cloudfront-signer.ts";
export { openS3Store } from "./stores/s3-store.ts";
