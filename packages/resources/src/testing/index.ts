export { type LimitedGroup, makeLimitedGroup } from "./limited-group.ts";
