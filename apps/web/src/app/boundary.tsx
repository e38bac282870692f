import { Component, type ComponentChildren } from "preact";
import { Icon } from "../ui/icon.tsx";

type Props = { path: string; children: ComponentChildren };

/** A bug in one page must not take the whole application with it, drafts and navigation included. */
export class Boundary extends Component<Props, { hasFailed: boolean }> {
  override state = { hasFailed: false };

  static override getDerivedStateFromError(): { hasFailed: boolean } {
    return { hasFailed: true };
  }

  /** Another page is another chance. */
  override componentDidUpdate(before: Readonly<Props>): void {
    if (this.state.hasFailed && before.path !== this.props.path) {
      this.setState({ hasFailed: false });
    }
  }

  override render(): ComponentChildren {
    if (!this.state.hasFailed) return this.props.children;
    return (
      <main id="main" class="thread" tabIndex={-1}>
        <div class="blank-state" role="alert">
          <Icon name="alert" size={28} />
          <h1>This page could not be shown</h1>
          <p>Nothing is lost: messages are on the server, drafts in this browser.</p>
          <button type="button" class="button" onClick={() => location.reload()}>
            Reload
          </button>
        </div>
      </main>
    );
  }
}
