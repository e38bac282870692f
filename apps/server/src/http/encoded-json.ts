import { chooseEncoding, type Encoding } from "./accept-encoding.ts";
import { compressBody, dynamicEncodings, minCompressedBytes } from "./compression.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** Compressed forms of bodies that are kept, for as long as those are. */
const compressed = new WeakMap<Uint8Array, Map<Encoding, Bytes | Promise<Bytes>>>();

/**
 * JSON that was encoded before, with its entity tag: what a route answers with where the cache keeps
 * the bytes. Sending it serialises, hashes and, from the second time on, compresses nothing.
 */
export class EncodedJson {
  readonly bytes: Bytes;
  /** Strong, with its quotes. */
  readonly etag: string;

  constructor(body: { readonly bytes: Uint8Array; readonly etag: string }) {
    this.bytes = body.bytes as Bytes;
    this.etag = body.etag;
  }

  /** The best coding that the client accepts; undefined for none, or where none would pay. */
  encodingFor(acceptEncoding: string | null): Encoding | undefined {
    if (this.bytes.byteLength < minCompressedBytes) return undefined;
    return chooseEncoding(acceptEncoding, dynamicEncodings);
  }

  compressed(encoding: Encoding): Bytes | Promise<Bytes> {
    let forms = compressed.get(this.bytes);
    if (!forms) {
      forms = new Map();
      compressed.set(this.bytes, forms);
    }
    let form = forms.get(encoding);
    if (!form) {
      form = compressBody(this.bytes, encoding);
      forms.set(encoding, form);
      // From then on it is there at once. One that fails is told to who waits, and tried again.
      if (form instanceof Promise) {
        const kept = forms;
        form.then(
          (bytes) => kept.set(encoding, bytes),
          () => kept.delete(encoding),
        );
      }
    }
    return form;
  }
}
