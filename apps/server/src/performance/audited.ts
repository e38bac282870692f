import type { User } from "@peregrine/protocol";
import type { Context } from "../context.ts";
import { ApiError } from "../http/api-error.ts";

/** Does what an administrator asked for, and keeps who did what, with what result. */
export type Audited = <T>(
  user: User,
  action: string,
  subject: string,
  work: () => Promise<T> | T,
) => Promise<T>;

export function createAudited({ database, log }: Context): Audited {
  return async (user, action, subject, work) => {
    const keep = async (result: string) => {
      log.info({ userId: user.id, action, subject, result }, "an administrator acted");
      const { id: userId, name: userName } = user;
      await database.audit.add({ userId, userName, action, subject, result });
    };
    let done: Awaited<ReturnType<typeof work>>;
    try {
      done = await work();
    } catch (error) {
      // What went wrong matters more than that it could not be kept.
      await keep(error instanceof ApiError ? error.code : "failed").catch((err: unknown) =>
        log.error({ err }, "the audit log could not be written"),
      );
      throw error;
    }
    await keep("done");
    return done;
  };
}
