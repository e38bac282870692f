import type { User } from "@peregrine/protocol";
import { ApiError } from "../http/api-error.ts";

/** @throws ApiError forbidden */
export function requireAdmin(user: User): void {
  if (user.role !== "admin") throw new ApiError("forbidden", "This is for administrators.");
}
