import { register } from "../support/account.ts";
import { type GetLoad, openGetLoad } from "../support/get-load.ts";

/** Work that a server is given for a while. */
export type Load = GetLoad;

const conversations = 20;

/** The list of conversations, as the cache has it: the least that a request does. */
export async function readsLoad(url: string, connections: number): Promise<Load> {
  const account = await register(url);
  for (let i = 0; i < conversations; i++) await account.newConversation();
  return openGetLoad(
    `${url}/api/v1/conversations`,
    { cookie: account.cookie, "accept-encoding": "identity" },
    connections,
  );
}

/** New conversations, each with a question whose answer is read to its end as it streams. */
export async function answersLoad(url: string, connections: number): Promise<Load> {
  const account = await register(url);
  return {
    async run(milliseconds) {
      const endMs = performance.now() + milliseconds;
      let answered = 0;
      const askOverAndOver = async () => {
        while (performance.now() < endMs) {
          const response = await account.ask(
            await account.newConversation(),
            "What is a peregrine?",
          );
          if (!(await response.text()).includes("event: done")) {
            throw new Error(`an answer under load failed with ${response.status}`);
          }
          answered++;
        }
      };
      await Promise.all(Array.from({ length: connections }, askOverAndOver));
      return answered;
    },
    close: () => {},
  };
}
