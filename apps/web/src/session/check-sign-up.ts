import type { RegisterBody } from "@peregrine/protocol";
import { limits } from "@peregrine/protocol/limits";

export type FieldErrors = Partial<Record<keyof RegisterBody, string>>;

/** What can be said about a sign-up before the server is asked; it checks all of it again. */
export function checkSignUp({ email, password, name }: RegisterBody): FieldErrors {
  const errors: FieldErrors = {};
  if (!/\S/.test(name)) errors.name = "Enter the name others will see.";
  if (!/^[^\s@]+@[^\s@.]+(?:\.[^\s@.]+)+$/.test(email.trim())) {
    errors.email = "Enter an address like name@example.org.";
  }
  if (password.length < limits.passwordMinLength) {
    errors.password = `Use at least ${limits.passwordMinLength} characters.`;
  }
  return errors;
}

export function checkSignIn({ email, password }: { email: string; password: string }): FieldErrors {
  const errors: FieldErrors = {};
  if (!/\S/.test(email)) errors.email = "Enter your email address.";
  if (password === "") errors.password = "Enter your password.";
  return errors;
}
