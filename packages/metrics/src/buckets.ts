/**
 * Bounds of histograms, in seconds. Alerts ask how many were above their threshold, which is exact
 * only on a bound: 2 s is that of the response time, 5 s that of the first token.
 */
export const requestSeconds = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30,
];
/** What a cache answers takes less, and a server may take longer. */
export const doorSeconds = [0.0001, 0.0005, ...requestSeconds, 60];
export const firstTokenSeconds = [0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 60];
export const querySeconds = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 30];
export const waitSeconds = [0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 1, 5, 30];
export const tokensPerSecond = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000];
