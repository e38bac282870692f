import { limits, type PageQuery } from "@peregrine/protocol";

/** What a list query asks for. */
export function readPage(query: PageQuery): { limit: number; cursor: string | null } {
  return {
    limit: query.limit === undefined ? limits.pageSizeDefault : Number(query.limit),
    cursor: query.cursor ?? null,
  };
}
