/** Takes whole sentences for the person who runs the server. */
export type EmbeddedPostgresLog = {
  info(message: string): void;
  warn(message: string): void;
  error(message: string): void;
};
