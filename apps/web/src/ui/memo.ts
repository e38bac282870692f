import { Component, type ComponentChildren, type FunctionComponent, h } from "preact";

/** Draws a component again only when one of its props is another value than before. */
export function memo<Props extends object>(Inner: FunctionComponent<Props>) {
  return class Memo extends Component<Props, object> {
    override shouldComponentUpdate(next: Readonly<Props>): boolean {
      const now = this.props as Props;
      for (const key in next) if (next[key] !== now[key]) return true;
      for (const key in now) if (!(key in next)) return true;
      return false;
    }

    override render(): ComponentChildren {
      return h(Inner, this.props as Props);
    }
  };
}
