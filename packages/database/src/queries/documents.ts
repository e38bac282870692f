import { type Run, read } from "../statement.ts";

/** A file of a message, with the beginning of its text where it has one. */
export type AttachedText = {
  messageId: string;
  name: string;
  mediaType: string;
  sizeBytes: number;
  /** Null for a file without text, such as an image. */
  content: string | null;
  /** Whether more text follows. */
  isCut: boolean;
};

/** Texts that were taken from files. */
export function documentQueries(run: Run) {
  return {
    /**
     * The files of messages, those of the first message first and each message's in their order,
     * with at most `maxCharacters` of each text.
     */
    async ofMessages(messageIds: string[], maxCharacters: number): Promise<AttachedText[]> {
      const rows = await run(ofMessages, { messageIds, maxCharacters });
      return rows.map((row) => ({
        messageId: row.message_id,
        name: row.name,
        mediaType: row.media_type,
        sizeBytes: row.size_bytes,
        content: row.content,
        isCut: row.is_cut,
      }));
    },
  };
}

const ofMessages = read<
  { messageIds: string[]; maxCharacters: number },
  {
    message_id: string;
    name: string;
    media_type: string;
    size_bytes: number;
    content: string | null;
    is_cut: boolean;
  }
>(
  "documents.ofMessages",
  `select message_files.message_id, files.name, files.media_type,
    files.size_bytes::float8 as size_bytes, left(documents.content, :maxCharacters) as content,
    coalesce(length(documents.content) > :maxCharacters
      or (documents.metadata ->> 'isCut')::boolean, false) as is_cut
  from unnest(:messageIds::uuid[]) with ordinality as wanted (id, place)
  join message_files on message_files.message_id = wanted.id
  join files on files.id = message_files.file_id
  left join documents on documents.file_id = files.id
  order by wanted.place, message_files.position`,
);
