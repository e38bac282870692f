import type { ApiKey, CreatedApiKeyBody } from "@peregrine/protocol";
import { limits } from "@peregrine/protocol/limits";
import { useEffect, useState } from "preact/hooks";
import { describeError } from "../api/api-error.ts";
import { useApp } from "../app/app-state.ts";
import { CopyButton } from "../ui/copy-button.tsx";
import { ConfirmDialog } from "../ui/dialog.tsx";
import { Icon } from "../ui/icon.tsx";
import { calendarDay } from "../ui/time.ts";

/** Keys with which programs use the API in the reader's name. */
export function ApiKeys() {
  const app = useApp();
  const [keys, setKeys] = useState<ApiKey[] | null>(null);
  const [created, setCreated] = useState<CreatedApiKeyBody | null>(null);
  const [doomed, setDoomed] = useState<ApiKey | null>(null);
  const [failure, setFailure] = useState<string | null>(null);

  const attempt = async (action: () => Promise<void>) => {
    setFailure(null);
    try {
      await action();
    } catch (error) {
      setFailure(describeError(error));
    }
  };
  const load = () => attempt(async () => setKeys(await app.api.apiKeys()));
  useEffect(() => void load(), []);

  const create = (name: string) =>
    attempt(async () => {
      setCreated(await app.api.createApiKey(name));
      setKeys(await app.api.apiKeys());
    });
  const remove = (key: ApiKey) =>
    attempt(async () => {
      await app.api.deleteApiKey(key.id);
      setKeys((keys ?? []).filter((other) => other.id !== key.id));
      if (created?.apiKey.id === key.id) setCreated(null);
    });

  return (
    <section aria-labelledby="settings-keys">
      <h2 id="settings-keys">API keys</h2>
      <p class="settings-text">
        A program signs in with a key in the header{" "}
        <code class="inline-code">Authorization: Bearer …</code>. See the{" "}
        <a href="/api/docs">API documentation</a>.
      </p>
      {failure && (
        <p class="door-failure" role="alert">
          {failure}
        </p>
      )}
      {created && <CreatedKey {...created} />}
      <NewKey isFull={(keys?.length ?? 0) >= limits.apiKeysPerUser} onCreate={create} />
      {keys === null && failure === null && <div class="skeleton skeleton-row" />}
      {keys && keys.length > 0 && (
        <ul class="key-list">
          {keys.map((key) => (
            <li key={key.id}>
              <Icon name="key" />
              <span class="key-name">
                <strong>{key.name}</strong>
                <small>
                  <code>{key.prefix}…</code> · made {calendarDay(key.createdAt)} ·{" "}
                  {key.lastUsedAt ? `last used ${calendarDay(key.lastUsedAt)}` : "never used"}
                </small>
              </span>
              <button
                type="button"
                class="icon-button"
                aria-label={`Delete key ${key.name}`}
                onClick={() => setDoomed(key)}
              >
                <Icon name="trash" />
              </button>
            </li>
          ))}
        </ul>
      )}
      {doomed && (
        <ConfirmDialog
          title="Delete key?"
          text={`Programs that use “${doomed.name}” will no longer be let in.`}
          action="Delete"
          onConfirm={() => void remove(doomed)}
          onClose={() => setDoomed(null)}
        />
      )}
    </section>
  );
}

function NewKey({
  isFull,
  onCreate,
}: {
  isFull: boolean;
  onCreate: (name: string) => Promise<void>;
}) {
  const [name, setName] = useState("");
  return (
    <form
      class="new-key"
      onSubmit={(event) => {
        event.preventDefault();
        if (!/\S/.test(name)) return;
        setName("");
        void onCreate(name.trim());
      }}
    >
      <input
        class="input"
        aria-label="Name of the new key"
        placeholder="Name, for example “laptop script”"
        maxLength={limits.nameLength}
        value={name}
        disabled={isFull}
        onInput={(event) => setName(event.currentTarget.value)}
      />
      <button type="submit" class="button button-primary" disabled={isFull || !/\S/.test(name)}>
        Create key
      </button>
      {isFull && (
        <small>There can be {limits.apiKeysPerUser} keys at most. Delete one first.</small>
      )}
    </form>
  );
}

function CreatedKey({ apiKey, key }: CreatedApiKeyBody) {
  return (
    <div class="created-key" role="status">
      <p>
        <strong>{apiKey.name}</strong> is ready. Copy the key now: it is not shown again.
      </p>
      <div>
        <code>{key}</code>
        <CopyButton label="Copy key" caption="Copy" class="button" text={() => key} />
      </div>
    </div>
  );
}
