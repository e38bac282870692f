import type { SQL } from "bun";

const everyMs = 60_000;

export type MillionMessages = {
  /** Has 40 of 100 messages, over two years, in conversations of 50 and one of 10,000. */
  heavyUser: string;
  longConversation: string;
  /** Has ten messages. */
  lightUser: string;
  startMs: number;
};

/**
 * Fills a migrated database with a million messages of 1,002 users. Each holds "everyword" and
 * three words that come ever more rarely; one in ten "tenthword", one in a thousand "thousandth", ten
 * of all "needle", and the oldest third "oldword".
 *
 * Foreign keys are not looked at and indexes are built afterwards: 25 s instead of 4 minutes.
 */
export async function fillWithMillionMessages(
  sql: SQL,
  count = 1_000_000,
): Promise<MillionMessages> {
  const startMs = Date.now() - count * everyMs - 86_400_000;
  const indexes = await sql`select indexname as name, indexdef as definition from pg_indexes
    where tablename in ('messages', 'conversations')
      and indexname not in (select conname from pg_constraint)`;
  for (const { name } of indexes) await sql.unsafe(`drop index "${name}"`);
  await sql.unsafe(`
    set session_replication_role = replica;
    set maintenance_work_mem = '256MB';
    create function id_at(ms bigint, n bigint) returns uuid language sql immutable as $$
      select (lpad(to_hex(ms), 12, '0') || '7' || lpad(to_hex(n % 4096), 3, '0') || '8'
        || lpad(to_hex(n), 15, '0'))::uuid
    $$;
    create function word(n bigint, seed int) returns text language sql immutable as $$
      select ' w' || ((hashint8(n * 31 + seed) & 65535)::bigint * (hashint8(n * 37 + seed) & 65535) >> 19)
    $$;
    insert into users (id, email, name, role, password_hash)
    select id_at(${startMs}, n), n || '@example.org', 'User', 'user', '' from generate_series(0, 1001) as n;

    create temporary table places as
    select n as number, id_at(${startMs} + n * ${50 * everyMs}::bigint, n) as id,
      id_at(${startMs}, case when n % 5 < 2 then 0 else 1 + n % 1000 end) as user_id
    from generate_series(0, ${count / 50}) as n;
    insert into conversations (id, user_id, title, created_at, updated_at)
    select id, user_id, 'Everyword' || word(number, 1) || word(number, 2),
      to_timestamp((${startMs} + number * ${50 * everyMs}::bigint) / 1000.0),
      to_timestamp((${startMs} + number * ${50 * everyMs}::bigint) / 1000.0)
    from places;

    insert into messages (id, conversation_id, user_id, role, content, status, created_at)
    select id_at(${startMs} + n * ${everyMs}::bigint, n),
      case when n % 100 = 0 and places.number % 5 < 2 then first.id else places.id end, places.user_id,
      'user', 'everyword' || word(n, 1) || word(n, 2) || word(n, 3)
        || case when n % 10 = 1 then ' tenthword' else '' end
        || case when n % 1000 = 7 then ' thousandth' else '' end
        || case when n % ${count / 10} = 9 then ' needle' else '' end
        || case when n < ${count / 3} then ' oldword' else '' end,
      'complete', to_timestamp((${startMs} + n * ${everyMs}::bigint) / 1000.0)
    from generate_series(0, ${count - 1}) as n join places on places.number = (n / 50) % ${count / 50}
      cross join (select id from places where places.number = 0) as first;
    insert into messages (id, conversation_id, user_id, role, content, status)
    select id_at(${startMs} + n * 7 * 86400000::bigint, 3000000 + n), places.id, id_at(${startMs}, 1001),
      'user', 'everyword' || case when n = 3 then ' needle' else '' end, 'complete'
    from generate_series(0, 9) as n, places where places.number = 1;
    set session_replication_role = origin;
  `);
  for (const { definition } of indexes) await sql.unsafe(definition);
  await sql.unsafe("vacuum (analyze) messages");
  await sql.unsafe("analyze");
  const [ids] =
    await sql.unsafe(`select id_at(${startMs}, 0) as heavy, id_at(${startMs}, 1001) as light,
    (select id from places where number = 0) as conversation`);
  return {
    heavyUser: ids.heavy,
    lightUser: ids.light,
    longConversation: ids.conversation,
    startMs,
  };
}
