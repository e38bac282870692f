import { type Static, Type } from "@sinclair/typebox";
import { Id, Timestamp } from "./common.ts";
import { limits } from "./limits.ts";

export const Role = Type.Union([Type.Literal("admin"), Type.Literal("user")]);
export type Role = Static<typeof Role>;

export const User = Type.Object({
  id: Id,
  email: Type.String(),
  name: Type.String(),
  role: Role,
  createdAt: Timestamp,
});
export type User = Static<typeof User>;

const Email = Type.String({
  maxLength: limits.emailLength,
  // Read in one way only: a text that is too long is compared with it all the same.
  pattern: "^[^\\s@]+@[^\\s@.]+(?:\\.[^\\s@.]+)+$",
  description: "Compared without regard to case.",
});
const Password = Type.String({
  minLength: limits.passwordMinLength,
  maxLength: limits.passwordMaxLength,
});

export const RegisterBody = Type.Object(
  {
    email: Email,
    password: Password,
    name: Type.String({ minLength: 1, maxLength: limits.nameLength, pattern: "\\S" }),
  },
  { additionalProperties: false },
);
export type RegisterBody = Static<typeof RegisterBody>;

export const LoginBody = Type.Object(
  {
    email: Type.String({ minLength: 1, maxLength: limits.emailLength }),
    password: Type.String({ minLength: 1, maxLength: limits.passwordMaxLength }),
  },
  { additionalProperties: false },
);
export type LoginBody = Static<typeof LoginBody>;

export const UserBody = Type.Object({ user: User });
export type UserBody = Static<typeof UserBody>;

/** A key for programs. The key itself is shown once, when it is made. */
export const ApiKey = Type.Object({
  id: Id,
  name: Type.String(),
  prefix: Type.String({ description: "The first characters of the key, to tell keys apart." }),
  createdAt: Timestamp,
  lastUsedAt: Type.Union([Timestamp, Type.Null()]),
});
export type ApiKey = Static<typeof ApiKey>;

export const CreateApiKeyBody = Type.Object(
  { name: Type.String({ minLength: 1, maxLength: limits.nameLength, pattern: "\\S" }) },
  { additionalProperties: false },
);
export const CreatedApiKeyBody = Type.Object({ apiKey: ApiKey, key: Type.String() });
export type CreatedApiKeyBody = Static<typeof CreatedApiKeyBody>;
export const ApiKeyListBody = Type.Object({ apiKeys: Type.Array(ApiKey) });
export type ApiKeyListBody = Static<typeof ApiKeyListBody>;
