import { limits } from "@peregrine/protocol/limits";
import { useEffect, useRef, useState } from "preact/hooks";
import { ApiError, describeError } from "../api/api-error.ts";
import { useApp } from "../app/app-state.ts";
import { signInPath } from "../router/route.ts";
import { Logo } from "../ui/logo.tsx";
import { checkSignIn, checkSignUp, type FieldErrors } from "./check-sign-up.ts";
import { Field } from "./field.tsx";

const words = {
  login: { title: "Welcome back", action: "Sign in", other: "Create an account", ask: "New here?" },
  register: {
    title: "Create your account",
    action: "Create account",
    other: "Sign in",
    ask: "Have an account already?",
  },
} as const;

/** Signing in and signing up. An error stands at the field that it is about. */
export function DoorPage({ page, next }: { page: "login" | "register"; next: string }) {
  const app = useApp();
  const form = useRef<HTMLFormElement>(null);
  const [values, setValues] = useState({ name: "", email: "", password: "" });
  const [errors, setErrors] = useState<FieldErrors>({});
  const [failure, setFailure] = useState<string | null>(null);
  const [isBusy, setBusy] = useState(false);
  const { title, action, other, ask } = words[page];
  const isSignupOpen = app.session.info.value?.signup !== "closed";

  useEffect(() => {
    document.title = `${action} · Peregrine`;
  }, [action]);

  const set = (field: keyof typeof values) => (value: string) => {
    setValues({ ...values, [field]: value });
    setErrors({ ...errors, [field]: undefined } as FieldErrors);
    setFailure(null);
  };
  const show = (found: FieldErrors) => {
    setErrors(found);
    const first = (["name", "email", "password"] as const).find((field) => found[field]);
    if (first) form.current?.querySelector<HTMLInputElement>(`[name=${first}]`)?.focus();
  };
  const submit = async () => {
    const { name, email, password } = values;
    const found = page === "login" ? checkSignIn(values) : checkSignUp(values);
    if (Object.keys(found).length > 0) return show(found);
    setBusy(true);
    setFailure(null);
    try {
      if (page === "login") await app.session.signIn({ email: email.trim(), password });
      else await app.session.signUp({ name: name.trim(), email: email.trim(), password });
    } catch (error) {
      const field = fieldOf(error);
      if (field) show({ [field]: describeError(error) });
      else setFailure(describeError(error));
    } finally {
      setBusy(false);
    }
  };

  return (
    <main id="main" class="door" tabIndex={-1}>
      <form
        ref={form}
        class="door-card"
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          void submit();
        }}
      >
        <Logo size={40} />
        <h1>{title}</h1>
        {page === "register" && !isSignupOpen && (
          <p class="door-failure">New accounts are closed here. Ask the administrator for one.</p>
        )}
        {page === "register" && app.session.info.value?.hasAccounts === false && (
          <p class="door-note">The first account is the administrator of this server.</p>
        )}
        {failure && (
          <p class="door-failure" role="alert">
            {failure}
          </p>
        )}
        {page === "register" && (
          <Field
            label="Name"
            name="name"
            autocomplete="name"
            value={values.name}
            error={errors.name}
            maxLength={limits.nameLength}
            onInput={set("name")}
          />
        )}
        <Field
          label="Email"
          name="email"
          type="email"
          autocomplete="email"
          value={values.email}
          error={errors.email}
          maxLength={limits.emailLength}
          onInput={set("email")}
        />
        <Field
          label="Password"
          name="password"
          type="password"
          autocomplete={page === "login" ? "current-password" : "new-password"}
          value={values.password}
          error={errors.password}
          maxLength={limits.passwordMaxLength}
          {...(page === "register"
            ? { hint: `At least ${limits.passwordMinLength} characters.` }
            : {})}
          onInput={set("password")}
        />
        <button
          type="submit"
          class="button button-primary button-wide"
          disabled={isBusy}
          aria-busy={isBusy}
        >
          {isBusy ? "One moment…" : action}
        </button>
        {(isSignupOpen || page === "register") && (
          <p class="door-other">
            {ask} <a href={signInPath(page === "login" ? "register" : "login", next)}>{other}</a>
          </p>
        )}
      </form>
    </main>
  );
}

function fieldOf(error: unknown): keyof FieldErrors | undefined {
  if (!(error instanceof ApiError)) return undefined;
  if (error.code === "email_taken") return "email";
  const field = error.field?.replace(/^\//, "");
  return field === "name" || field === "email" || field === "password" ? field : undefined;
}
