import type { User } from "@peregrine/protocol";
import type { Context } from "../context.ts";
import { ApiError } from "../http/api-error.ts";

/** @throws ApiError unauthenticated, bad_origin or forbidden */
export async function requireAdministrator(
  { authenticate }: Context,
  request: Request,
): Promise<User> {
  const { user } = await authenticate(request);
  if (user.role !== "admin") {
    throw new ApiError("forbidden", "Only administrators may see this.");
  }
  return user;
}
