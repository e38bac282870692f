export {
  Admission,
  type AdmissionState,
  type RefusalReason,
  type Ticket,
} from "./admission/admission.ts";
export { Baseline } from "./admission/baseline.ts";
export type { Priority } from "./admission/priority.ts";
export { type Advice, type AdviceRule, Advisor, type Remedy } from "./advisor.ts";
export { Pressure, type PressureCause, type PressureLevel, type Verdict } from "./pressure.ts";
export type { Reading } from "./reading.ts";
export { resourceAdvice } from "./resource-advice.ts";
export { ResourceMonitor } from "./resource-monitor.ts";
