import type { Conversation, PatchConversationBody } from "@peregrine/protocol";
import { describeError } from "../api/api-error.ts";
import { useApp } from "../app/app-state.ts";
import { Dialog } from "../ui/dialog.tsx";

/** How one conversation is answered. Each change counts at once. */
export function ConversationSettings(props: { conversation: Conversation; onClose: () => void }) {
  const app = useApp();
  const { id, model, cancelWhenAlone, cacheAnswers } = props.conversation;
  const models = app.session.info.value?.models ?? [];
  const change = async (body: PatchConversationBody) => {
    try {
      await app.conversations.patch(id, body);
    } catch (error) {
      app.notices.show(describeError(error), "error");
    }
  };
  return (
    <Dialog title="Conversation settings" onClose={props.onClose}>
      <div class="settings-list">
        <label class="setting">
          <span>
            <strong>Model</strong>
            <small>The one that answers in this conversation.</small>
          </span>
          <select
            class="select"
            value={model ?? ""}
            onChange={(event) => void change({ model: event.currentTarget.value || null })}
          >
            <option value="">Default{models[0] ? ` (${models[0]})` : ""}</option>
            {model !== null && !models.includes(model) && <option value={model}>{model}</option>}
            {models.map((name) => (
              <option key={name} value={name}>
                {name}
              </option>
            ))}
          </select>
        </label>
        <Toggle
          title="Stop when nobody is watching"
          text="Ends a running answer once every tab has left. Otherwise it is finished for later."
          isOn={cancelWhenAlone}
          onChange={(value) => void change({ cancelWhenAlone: value })}
        />
        <Toggle
          title="Reuse answers"
          text="The same question after the same messages may be answered from memory."
          isOn={cacheAnswers}
          onChange={(value) => void change({ cacheAnswers: value })}
        />
      </div>
    </Dialog>
  );
}

function Toggle(props: {
  title: string;
  text: string;
  isOn: boolean;
  onChange: (value: boolean) => void;
}) {
  return (
    <label class="setting">
      <span>
        <strong>{props.title}</strong>
        <small>{props.text}</small>
      </span>
      <input
        type="checkbox"
        role="switch"
        class="switch"
        checked={props.isOn}
        aria-checked={props.isOn}
        aria-label={props.title}
        onChange={(event) => props.onChange(event.currentTarget.checked)}
      />
    </label>
  );
}
