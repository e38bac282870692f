import type { ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";
import { Icon } from "../ui/icon.tsx";

/** A page whose code is loaded when it is first opened. */
export function LazyPage({ load }: { load: () => Promise<ComponentType> }) {
  const [Page, setPage] = useState<ComponentType | null>(null);
  const [hasFailed, setFailed] = useState(false);
  useEffect(() => {
    load().then(
      (page) => setPage(() => page),
      () => setFailed(true),
    );
  }, [load]);
  if (Page) return <Page />;
  return (
    <main id="main" class="settings" tabIndex={-1}>
      {hasFailed && (
        <div class="blank-state" role="alert">
          <Icon name="alert" size={28} />
          <h1>This page could not be loaded</h1>
          <button type="button" class="button" onClick={() => location.reload()}>
            Reload
          </button>
        </div>
      )}
    </main>
  );
}
