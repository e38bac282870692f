import { Id } from "@peregrine/protocol";
import { Type } from "@sinclair/typebox";

/** The `:id` of a path. One that is not an id at all is answered like one that is not there. */
export const IdParams = Type.Object({ id: Id });
