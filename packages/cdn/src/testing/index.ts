export { type ObjectStore, startObjectStore } from "./start-object-store.ts";
export { startVarnish, type Varnish } from "./start-varnish.ts";
export { verifySignatureV4 } from "./verify-signature-v4.ts";
