import { newId } from "@peregrine/database";
import { LoginBody, RegisterBody, type User, UserBody } from "@peregrine/protocol";
import { Elysia } from "elysia";
import type { Context } from "../context.ts";
import { ApiError } from "../http/api-error.ts";
import { documented } from "../http/docs.ts";
import { peerAddress } from "../http/peer-address.ts";
import { requireOwnOrigin, sessionCredential } from "./authentication.ts";
import { hashSecret, newSecret } from "./secrets.ts";
import { clearedSessionCookie, readSessionCookie, sessionCookie } from "./session-cookie.ts";
import { signedIn } from "./signed-in.ts";

/** Making an account, signing in and out, and who one is. */
export function authRoutes(context: Context) {
  const { config, database, clientAddress, passwords, attemptLimits, log } = context;

  function isSecure(request: Request, peer: string): boolean {
    return config.PUBLIC_URL?.startsWith("https:") || clientAddress.isSecure(request, peer);
  }

  /** Answers with the user and a new session's cookie. */
  async function signIn(request: Request, peer: string, user: User, status: number) {
    const secret = newSecret();
    const ttlSeconds = config.SESSION_TTL;
    const expiresAt = new Date(Date.now() + ttlSeconds * 1000);
    await database.sessions.create({ tokenHash: secret.hash, userId: user.id, expiresAt });
    const cookie = sessionCookie(secret.text, ttlSeconds, isSecure(request, peer));
    return Response.json({ user }, { status, headers: { "set-cookie": cookie } });
  }

  return new Elysia({ prefix: "/api/v1" })
    .post(
      "/auth/register",
      async ({ request, body, server }) => {
        requireOwnOrigin(request, config.PUBLIC_URL);
        const peer = peerAddress(request, server);
        await attemptLimits.register(clientAddress.address(request, peer));
        const isOpen = config.SIGNUP === "open";
        // Before the hash: strangers who may not come in are not to take the turns of those who sign in.
        if (!isOpen && (await database.users.any())) throw signupClosed();
        const created = await database.users.create({
          id: newId(),
          email: body.email,
          name: body.name.trim(),
          passwordHash: await passwords.hash(body.password),
          signupOpen: isOpen,
        });
        if (created === "email_taken") {
          throw new ApiError("email_taken", "There is an account with this email.", {
            field: "email",
          });
        }
        if (created === "signup_closed") throw signupClosed();
        log.info({ userId: created.user.id, role: created.user.role }, "an account was made");
        return signIn(request, peer, created.user, 201);
      },
      {
        body: RegisterBody,
        ...documented("Accounts", {
          summary: "Make an account",
          description: "The first account is the administrator. Signs in at once.",
          returns: { 201: UserBody },
          errors: ["email_taken", "signup_closed", "too_many_attempts"],
          public: true,
        }),
      },
    )
    .post(
      "/auth/login",
      async ({ request, body, server }) => {
        requireOwnOrigin(request, config.PUBLIC_URL);
        const peer = peerAddress(request, server);
        await attemptLimits.login(body.email, clientAddress.address(request, peer));
        const found = await database.users.findByEmail(body.email);
        const isRight = await passwords.verify(body.password, found?.passwordHash ?? null);
        if (!found || !isRight) {
          throw new ApiError("invalid_credentials", "The email or the password is wrong.");
        }
        await Promise.all([
          attemptLimits.loggedIn(body.email),
          database.users.touchLogin(found.user.id),
        ]);
        return signIn(request, peer, found.user, 200);
      },
      {
        body: LoginBody,
        ...documented("Accounts", {
          summary: "Sign in",
          returns: { 200: UserBody },
          errors: ["invalid_credentials", "too_many_attempts"],
          public: true,
        }),
      },
    )
    .post(
      "/auth/logout",
      async ({ request, server }) => {
        requireOwnOrigin(request, config.PUBLIC_URL);
        const token = readSessionCookie(request.headers);
        if (token) {
          const tokenHash = hashSecret(token);
          await database.sessions.delete(tokenHash);
          context.sockets.revoke(sessionCredential(tokenHash));
        }
        const cookie = clearedSessionCookie(isSecure(request, peerAddress(request, server)));
        return new Response(null, { status: 204, headers: { "set-cookie": cookie } });
      },
      documented("Accounts", { summary: "Sign out", returns: { 204: null }, public: true }),
    )
    .derive(signedIn(context))
    .get(
      "/me",
      ({ user }) => ({ user }),
      documented("Accounts", { summary: "Who you are", returns: { 200: UserBody } }),
    );
}

function signupClosed(): ApiError {
  return new ApiError("signup_closed", "New accounts are made by the administrator here.");
}
