const name = "peregrine_session";

/** @returns the token, or undefined where there is no session cookie. */
export function readSessionCookie(request: Request): string | undefined {
  const header = request.headers.get("cookie");
  if (header === null) return undefined;
  for (const pair of header.split(";")) {
    const equals = pair.indexOf("=");
    if (equals > 0 && pair.slice(0, equals).trim() === name) return pair.slice(equals + 1).trim();
  }
  return undefined;
}

/** The `Set-Cookie` value that hands out a session. */
export function sessionCookie(token: string, maxAgeSeconds: number, isSecure: boolean): string {
  return `${name}=${token}; Path=/; HttpOnly; SameSite=Lax; Max-Age=${maxAgeSeconds}${isSecure ? "; Secure" : ""}`;
}

/** The `Set-Cookie` value that takes it back. */
export function clearedSessionCookie(isSecure: boolean): string {
  return sessionCookie("", 0, isSecure);
}
