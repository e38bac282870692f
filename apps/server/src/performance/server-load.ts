import type { PressureLevel, Reading } from "@peregrine/resources";

/** How loaded this server is, as its health page and balancers see it. */
export type ServerLoad = {
  reading(): Reading;
  pressure(): PressureLevel;
  runningAnswers(): number;
};
