import { type OwnSigner, ownSigner, type UrlSigner } from "@peregrine/cdn";
import type { StoredFile } from "@peregrine/database";
import type { Config } from "../config.ts";

/** An address that holds for its file between these: caches know it again for an hour. */
const windowMs = 3600_000;

/** Where the files of people are found by who has no session, such as a CDN. */
export type FileAddresses = {
  /**
   * A signed address of the file's content, and for how long the same one is given; undefined
   * without a CDN: then the server hands out the content itself.
   */
  signed(file: StoredFile, now: Date): { url: string; sameForSeconds: number } | undefined;
  /** When a signed address of this server ends; null for one that is forged or has ended. */
  verify(path: string, query: URLSearchParams, now: Date): Date | null;
  /** Where everybody finds a public file. */
  publicUrl(hash: string): string;
  /** The path under which networks know the file, with a `*` for whatever follows. */
  purgePath(file: { fileId: string; objectKey: string }): string;
};

/** The path of a file's content on this server, for who has a signed address. */
export function signedPath(fileId: string): string {
  return `/cdn/files/${fileId}`;
}

/** The path of a public file: the same for the same content, whatever it is called. */
export function publicPath(hash: string): string {
  return `/cdn/public/${hash}`;
}

/**
 * - With CloudFront's keys, addresses lead to the object in the bucket; CloudFront checks them.
 * - With a key of our own, they lead to this server through any CDN; the server checks them.
 * - Without either there are none.
 */
export async function fileAddresses(config: Config): Promise<FileAddresses> {
  const { CDN_URL: baseUrl, CDN_SIGNING_KEY, CLOUDFRONT_KEY_PAIR_ID: keyPairId } = config;
  const privateKey = config.CLOUDFRONT_PRIVATE_KEY?.replaceAll("\\n", "\n");
  const own: OwnSigner | undefined =
    baseUrl && CDN_SIGNING_KEY ? ownSigner(baseUrl, CDN_SIGNING_KEY) : undefined;
  const isInBucket = baseUrl !== undefined && keyPairId !== undefined && privateKey !== undefined;
  let signer: UrlSigner | undefined = own;
  if (isInBucket) {
    const { cloudFrontSigner } = await import("@peregrine/cdn/aws");
    signer = cloudFrontSigner({ baseUrl, keyPairId, privateKey });
  }

  // A CDN that asks this server has what is public too.
  const publicBase = own ? baseUrl : config.PUBLIC_URL;

  return {
    publicUrl: (hash) => `${publicBase?.replace(/\/$/, "") ?? ""}${publicPath(hash)}`,
    signed(file, now) {
      if (!signer) return undefined;
      // Ends with the next window, so that whoever asks within this one gets the same address, and
      // it holds for an hour at least.
      const windowEndMs = (Math.floor(now.getTime() / windowMs) + 1) * windowMs;
      const path = isInBucket ? `/${file.objectKey}` : signedPath(file.id);
      return {
        url: signer.sign(path, new Date(windowEndMs + windowMs)),
        sameForSeconds: Math.floor((windowEndMs - now.getTime()) / 1000),
      };
    },
    verify: (path, query, now) => own?.verify(path, query, now) ?? null,
    purgePath: (file) => (isInBucket ? `/${file.objectKey}` : `${signedPath(file.fileId)}*`),
  };
}
