export { DoorMetrics } from "./door-metrics.ts";
export type { FreshnessFacts } from "./freshness-metrics.ts";
export type { EndpointRecorder } from "./http-metrics.ts";
export { Metrics } from "./metrics.ts";
export { type Figures, figuresOf, modelServersOf } from "./windows/figures.ts";
export {
  HistoryRangeError,
  historyOf,
  type ServerSlot,
  storedStepFor,
} from "./windows/history.ts";
export { RollingWindows, type SlotStore, type TimedSlot } from "./windows/rolling-windows.ts";
export { series } from "./windows/series.ts";
export { emptySlot, mergeSlot, type Slot } from "./windows/slot.ts";
export { decodeSlot, encodeSlot } from "./windows/slot-codec.ts";
export { type StepSeconds, steps } from "./windows/steps.ts";
