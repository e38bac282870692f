import type { Context } from "../context.ts";
import { requireAdmin } from "./require-admin.ts";

/**
 * For `derive` of a group of routes that are for administrators. As `signedIn` before a request is
 * checked: who may not ask learns nothing of what would be right to ask.
 *
 * @throws ApiError unauthenticated, bad_origin or forbidden
 */
export function signedInAdmin({ authenticate }: Context) {
  return async ({ request }: { request: Request }) => {
    const caller = await authenticate(request);
    requireAdmin(caller.user);
    return caller;
  };
}
