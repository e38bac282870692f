export { type ObjectStore, startObjectStore } from "./start-object-store.ts";
export { startVarnish, type Varnish } from "./start-varnish.ts";
