import { expect, test } from "bun:test";
import { newId } from "../ids.ts";
import { useDatabase } from "../testing/use-database.ts";

const fixture = useDatabase({ poolSize: 20 });

const begin = (userId: string, atMost: number) => {
  const id = newId();
  return fixture.database.uploads.create({
    ...{ id, userId, name: "flight.bin", sizeBytes: 1, objectKey: `files/${userId}/${id}` },
    ...{ ttlSeconds: 0, atMost },
  });
};

test("a user has so many uploads under way, also when all are begun at once", async () => {
  const { uploads } = fixture.database;
  const ada = await fixture.makeUser();
  for (let round = 0; round < 5; round++) {
    await Promise.all(Array.from({ length: 40 }, () => begin(ada, 5)));
    expect((await uploads.expired(100)).length).toBeLessThanOrEqual(5);
  }
  // Those that refused each other leave room.
  while (await begin(ada, 5));
  const all = await uploads.expired(100);
  expect(all).toHaveLength(5);
  const eve = await fixture.makeUser();
  expect(await begin(eve, 5)).not.toBeNull();
  await uploads.delete(all[0]?.id ?? "");
  expect(await begin(ada, 5)).not.toBeNull();
});
