import type { AuditBody } from "@peregrine/protocol";
import { useState } from "preact/hooks";
import { describeError } from "../api/api-error.ts";
import { useApp } from "../app/app-state.ts";
import { dateAndTime } from "../ui/time.ts";
import { Table } from "./table.tsx";

/** Who did what on this page, when, and what came of it. Read when it is opened. */
export function Audit() {
  const app = useApp();
  const [entries, setEntries] = useState<AuditBody["entries"]>([]);
  const load = async () => {
    try {
      setEntries((await app.api.get<AuditBody>("/performance/audit")).entries);
    } catch (error) {
      app.notices.show(describeError(error), "error");
    }
  };
  return (
    <section aria-labelledby="performance-audit">
      <h2 id="performance-audit">What was done</h2>
      <details
        class="more-figures"
        onToggle={(event) => {
          if (event.currentTarget.open) void load();
        }}
      >
        <summary>By administrators, the latest first</summary>
        <Table columns={["When", "Who", "What", "On", "Result"]}>
          {entries.map(({ id, at, userName, action, subject, result }) => (
            <tr key={id}>
              <td>
                <time dateTime={at}>{dateAndTime(at)}</time>
              </td>
              <td>{userName}</td>
              <th scope="row">{action}</th>
              <td>{subject}</td>
              <td>{result}</td>
            </tr>
          ))}
        </Table>
      </details>
    </section>
  );
}
