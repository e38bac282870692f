export type { EndpointRecorder } from "./http-metrics.ts";
export { Metrics } from "./metrics.ts";
export type { Figures } from "./windows/figures.ts";
export {
  type HistoryPoint,
  type HistoryRange,
  HistoryRangeError,
  historyOf,
  storedStepFor,
} from "./windows/history.ts";
export { RollingWindows, type SlotStore, type TimedSlot } from "./windows/rolling-windows.ts";
export { decodeSlot, encodeSlot } from "./windows/slot-codec.ts";
export { type StepSeconds, steps } from "./windows/steps.ts";
