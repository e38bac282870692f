import { newId } from "../ids.ts";
import { iso } from "../moments.ts";
import { type Run, read, write } from "../statement.ts";

/** What an administrator did, to what, and how it ended. */
export type AuditEntry = {
  id: string;
  at: string;
  userName: string;
  action: string;
  subject: string;
  result: string;
};

export function auditQueries(run: Run) {
  return {
    async add(entry: {
      userId: string;
      userName: string;
      action: string;
      subject: string;
      result: string;
    }): Promise<void> {
      await run(addEntry, { id: newId(), ...entry });
    },

    /** The newest first. */
    async list(limit: number): Promise<AuditEntry[]> {
      const rows = await run(listEntries, { limit });
      return rows.map(({ id, created_at, user_name, action, subject, result }) => ({
        id,
        at: iso(created_at),
        userName: user_name,
        action,
        subject,
        result,
      }));
    },
  };
}

const addEntry = write<
  {
    id: string;
    userId: string;
    userName: string;
    action: string;
    subject: string;
    result: string;
  },
  never
>(
  "audit.add",
  `insert into audit_log (id, user_id, user_name, action, subject, result)
  values (:id, :userId, :userName, :action, :subject, :result)`,
);

const listEntries = read<
  { limit: number },
  {
    id: string;
    created_at: Date;
    user_name: string;
    action: string;
    subject: string;
    result: string;
  }
>(
  "audit.list",
  `select id, created_at, user_name, action, subject, result from audit_log
  order by created_at desc, id desc limit :limit::int`,
);
