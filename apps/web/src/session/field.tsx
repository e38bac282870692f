import { useId } from "preact/hooks";

type Props = {
  label: string;
  name: string;
  type?: "text" | "email" | "password";
  autocomplete: "name" | "email" | "current-password" | "new-password" | "off";
  value: string;
  error?: string | undefined;
  hint?: string;
  maxLength?: number;
  onInput: (value: string) => void;
};

/** An input with its label, and below it what is wrong with it. */
export function Field(props: Props) {
  const id = useId();
  const note = props.error ?? props.hint;
  return (
    <div class="field" data-invalid={props.error ? "" : undefined}>
      <label for={id}>{props.label}</label>
      <input
        id={id}
        name={props.name}
        {...({ type: props.type ?? "text" } as { type: "text" })}
        autocomplete={props.autocomplete}
        value={props.value}
        {...(props.maxLength === undefined ? {} : { maxLength: props.maxLength })}
        aria-invalid={props.error !== undefined}
        aria-describedby={note ? `${id}-note` : undefined}
        onInput={(event) => props.onInput(event.currentTarget.value)}
      />
      {note && (
        <p id={`${id}-note`} class="field-note" role={props.error ? "alert" : undefined}>
          {note}
        </p>
      )}
    </div>
  );
}
