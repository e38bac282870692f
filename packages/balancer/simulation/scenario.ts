import type { SimulatedServer } from "./simulated-server.ts";

/** What happens, and when. Times in seconds. */
export interface Scenario {
  readonly seconds: number;
  readonly servers: number;
  readonly requestsPerSecond: number;
  readonly events: readonly {
    readonly atSeconds: number;
    readonly words: string;
    readonly happen: (fleet: readonly SimulatedServer[], traffic: { factor: number }) => void;
  }[];
}

/** 50 servers that 1,500 requests a second use to 30 %, and everything that the table is about. */
export const scenario: Scenario = {
  seconds: 100,
  servers: 50,
  requestsPerSecond: 1500,
  events: [
    {
      atSeconds: 0,
      words: "one server is slow: 20 times, from the beginning",
      happen: (fleet) => setSlowness(fleet[1], 20),
    },
    {
      atSeconds: 10,
      words: "one gets stuck: it takes connections and answers nothing",
      happen: (fleet) => setStuck(fleet[2], true),
    },
    {
      atSeconds: 30,
      words: "a step: one more gets 20 times slower at once and stays so",
      happen: (fleet) => setSlowness(fleet[3], 20),
    },
    {
      atSeconds: 60,
      words: "a spike: twice the traffic for 5 s",
      happen: (_fleet, traffic) => {
        traffic.factor = 2;
      },
    },
    {
      atSeconds: 65,
      words: "the spike is over",
      happen: (_fleet, traffic) => {
        traffic.factor = 1;
      },
    },
    {
      atSeconds: 80,
      words: "the stuck server goes on where it was",
      happen: (fleet) => setStuck(fleet[2], false),
    },
  ],
};

function setSlowness(server: SimulatedServer | undefined, slowness: number): void {
  if (server !== undefined) server.slowness = slowness;
}

function setStuck(server: SimulatedServer | undefined, isStuck: boolean): void {
  if (server !== undefined) server.isStuck = isStuck;
}
