export { type ObjectStore, startObjectStore } from "./start-object-store.ts";
export { startTaggedOrigin, type TaggedOrigin } from "./start-tagged-origin.ts";
export { startVarnish, type Varnish } from "./start-varnish.ts";
export { verifySignatureV4 } from "./verify-signature-v4.ts";
