import type { Context } from "../context.ts";

/**
 * For `derive` of a group of routes that need someone signed in: gives them the `user` and the `credential`. Runs before a
 * request is checked, so that a stranger learns nothing from what a check says.
 *
 * @throws ApiError unauthenticated or bad_origin
 */
export function signedIn({ authenticate }: Context) {
  return ({ request }: { request: Request }) => authenticate(request);
}
