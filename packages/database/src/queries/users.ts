import type { Role, User } from "@peregrine/protocol";
import { DatabaseError } from "../errors.ts";
import { iso } from "../moments.ts";
import { only, type Run, read, write } from "../statement.ts";

export type NewUser = {
  id: string;
  email: string;
  name: string;
  passwordHash: string;
  /** Whether anyone may make an account; an installation without accounts always lets one in. */
  signupOpen: boolean;
};

export type UserRow = { id: string; email: string; name: string; role: Role; created_at: Date };

export function toUser(row: UserRow): User {
  return {
    id: row.id,
    email: row.email,
    name: row.name,
    role: row.role,
    createdAt: iso(row.created_at),
  };
}

/** Accounts. The email of an account is unique without regard to case. */
export function userQueries(run: Run) {
  return {
    /**
     * The account that finds the installation empty becomes its administrator. Of several that
     * find it empty at once the unique index lets one in; the others come again as users.
     */
    async create(user: NewUser): Promise<{ user: User } | "email_taken" | "signup_closed"> {
      for (let attempt = 1; attempt <= 3; attempt++) {
        const row = only(await run(createUser, user));
        if (row.id) return { user: toUser(row) };
        if (row.signup_closed) return "signup_closed";
        if (row.email_taken) return "email_taken";
        // Lost against an account that was not there yet when the statement began: look again.
      }
      throw new DatabaseError("unexpected", "users.create: an account with this id exists");
    },

    async findByEmail(email: string): Promise<{ user: User; passwordHash: string } | null> {
      const [row] = await run(findUserByEmail, { email });
      return row ? { user: toUser(row), passwordHash: row.password_hash } : null;
    },

    async findById(userId: string): Promise<User | null> {
      const [row] = await run(findUserById, { userId });
      return row ? toUser(row) : null;
    },

    /** Whether there is any account yet. */
    async any(): Promise<boolean> {
      const [row] = await run(anyUser, {});
      return row?.any ?? false;
    },

    async touchLogin(userId: string): Promise<void> {
      await run(touchLogin, { userId });
    },
  };
}

type CreatedRow = UserRow & { signup_closed: boolean; email_taken: boolean };

const createUser = write<NewUser, CreatedRow>(
  "users.create",
  `with empty as (select not exists (select 1 from users) as yes),
  made as (
    insert into users (id, email, name, password_hash, role, founder)
    select :id, :email, :name, :passwordHash, case when yes then 'admin' else 'user' end, yes
    from empty where yes or :signupOpen::boolean
    on conflict do nothing
    returning id, email, name, role, created_at
  )
  select made.*, not (empty.yes or :signupOpen) as signup_closed,
    exists (select 1 from users where lower(email) = lower(:email)) as email_taken
  from empty left join made on true`,
);

const findUserByEmail = read<{ email: string }, UserRow & { password_hash: string }>(
  "users.findByEmail",
  `select id, email, name, role, created_at, password_hash from users
  where lower(email) = lower(:email)`,
);

const findUserById = read<{ userId: string }, UserRow>(
  "users.findById",
  `select id, email, name, role, created_at from users where id = :userId`,
);

const touchLogin = write<{ userId: string }, never>(
  "users.touchLogin",
  `update users set last_login_at = now() where id = :userId`,
);

const anyUser = read<Record<never, never>, { any: boolean }>(
  "users.any",
  `select exists (select 1 from users) as any`,
);
