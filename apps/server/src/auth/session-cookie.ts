const name = "peregrine_session";

/** @returns the token, or undefined where there is no session cookie. */
export function readSessionCookie(headers: Headers): string | undefined {
  const header = headers.get("cookie");
  if (header === null) return undefined;
  // In place, without a list of all the cookies there are: it is done for each request.
  for (let start = 0; start < header.length; ) {
    const semicolon = header.indexOf(";", start);
    const end = semicolon === -1 ? header.length : semicolon;
    const equals = header.indexOf("=", start);
    if (equals !== -1 && equals < end && header.slice(start, equals).trim() === name) {
      return header.slice(equals + 1, end).trim();
    }
    start = end + 1;
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
