/**
 * A second way to tell the others, beside the log: kept where the written data is (Postgres).
 *
 * A process that is cut off from the log and still writes has to make sure that nobody else serves
 * old values from memory. It enters its name here; whoever reads a name here serves nothing shared
 * from memory or Redis until the name is gone. Who can write can reach the witness, for they are
 * the same store, so there is no case in which a write is possible and this is not.
 */
export interface Witness {
  /** Who writes while cut off, and for how long each has been silent. Asked with every beat. */
  detached(): Promise<readonly { node: string; silentMs: number }[]>;
  /** Enters the name, or says again that it is still so. */
  enter(node: string): Promise<void>;
  leave(node: string): Promise<void>;
}
