export { freePort } from "./free-port.ts";
export { type ObjectStore, startObjectStore } from "./start-object-store.ts";
