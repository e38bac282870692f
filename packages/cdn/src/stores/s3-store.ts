import { createReadStream } from "node:fs";
import {
  type _Object,
  AbortMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  S3Client,
} from "@aws-sdk/client-s3";
import { Upload } from "@aws-sdk/lib-storage";
import { CdnError, type CdnErrorCode, codeOfStatus } from "../errors.ts";
import { s3Parts, servedAs } from "./s3-parts.ts";
import { type FileStore, partBytes, requireKey } from "./store.ts";

export type S3Options = {
  bucket: string;
  region: string;
  /** A server that is not AWS. It is spoken to with the bucket in the path. */
  endpoint?: string | undefined;
  /** Without it, what the SDK finds: environment, profile, instance role. */
  credentials?: { accessKeyId: string; secretAccessKey: string } | undefined;
};

/** Memory for one upload is this times the size of a part: 32 MB. */
const partsAtOnce = 4;
const attempts = 4;
const connectMs = 5_000;
/** Between two pieces of an answer, not for the whole. */
const silenceMs = 30_000;

/**
 * A bucket of S3, or of a server that speaks it: R2, MinIO, Ceph and others.
 *
 * Files above 8 MB go in parts, four at once. When one fails for good, or the caller gives up, the
 * parts that were sent are removed. Servers that are not AWS get checksums only where the request
 * demands one, since many do not know the newer kinds.
 */
export function openS3Store(options: S3Options): FileStore {
  const { bucket, endpoint } = options;
  const client = new S3Client({
    region: options.region,
    maxAttempts: attempts,
    requestHandler: { connectionTimeout: connectMs, socketTimeout: silenceMs },
    ...(options.credentials ? { credentials: options.credentials } : {}),
    ...(endpoint
      ? {
          endpoint,
          forcePathStyle: true,
          requestChecksumCalculation: "WHEN_REQUIRED",
          responseChecksumValidation: "WHEN_REQUIRED",
        }
      : {}),
  });

  async function guarded<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw toCdnError(error, bucket);
    }
  }

  /** As far as the server lets us; what it keeps is for the bucket's own rule on old uploads. */
  async function removeParts(key: string, uploadId: string | undefined): Promise<void> {
    if (uploadId === undefined) return;
    const command = { Bucket: bucket, Key: key, UploadId: uploadId };
    await client.send(new AbortMultipartUploadCommand(command)).catch(() => {});
  }

  async function* list(prefix: string) {
    let after: string | undefined;
    do {
      const page = await guarded(() =>
        client.send(
          new ListObjectsV2Command({ Bucket: bucket, Prefix: prefix, ContinuationToken: after }),
        ),
      );
      for (const { Key, Size } of page.Contents ?? ([] as _Object[])) {
        if (Key !== undefined) yield { key: Key, sizeBytes: Size ?? 0 };
      }
      after = page.IsTruncated ? page.NextContinuationToken : undefined;
    } while (after !== undefined);
  }

  return {
    put(key, path, { signal, ...serveAs }) {
      requireKey(key);
      return guarded(async () => {
        signal?.throwIfAborted();
        const body = createReadStream(path);
        const upload = new Upload({
          client,
          params: { Bucket: bucket, Key: key, Body: body, ...servedAs(serveAs) },
          partSize: partBytes,
          queueSize: partsAtOnce,
        });
        const abort = () => void upload.abort();
        signal?.addEventListener("abort", abort, { once: true });
        try {
          await upload.done();
        } catch (error) {
          // The library does so too, but tells of the failure before it has.
          await removeParts(key, upload.uploadId);
          throw error;
        } finally {
          signal?.removeEventListener("abort", abort);
          body.destroy();
        }
      });
    },

    size(key) {
      requireKey(key);
      return guarded(async () => {
        const found = await client
          .send(new HeadObjectCommand({ Bucket: bucket, Key: key }))
          .catch(nullWhereAbsent);
        return found?.ContentLength ?? null;
      });
    },

    read(key, range) {
      requireKey(key);
      return guarded(async () => {
        const found = await client
          .send(
            new GetObjectCommand({
              Bucket: bucket,
              Key: key,
              ...(range ? { Range: `bytes=${range.first}-${range.last}` } : {}),
            }),
          )
          .catch(nullWhereAbsent);
        return (found?.Body?.transformToWebStream() as ReadableStream<Uint8Array>) ?? null;
      });
    },

    delete(key) {
      requireKey(key);
      return guarded(async () => {
        await client
          .send(new DeleteObjectCommand({ Bucket: bucket, Key: key }))
          .catch(nullWhereAbsent);
      });
    },

    list,
    parted: s3Parts({ client, bucket, endpoint, guarded }),

    check: () =>
      guarded(async () => {
        await client.send(new HeadBucketCommand({ Bucket: bucket }));
      }),

    close: () => client.destroy(),
  };
}

type ServiceError = Error & { $metadata?: { httpStatusCode?: number } };

function nullWhereAbsent(error: ServiceError): null {
  const isAbsent = error.name === "NoSuchKey" || error.name === "NotFound";
  if (isAbsent && error.$metadata?.httpStatusCode === 404) return null;
  throw error;
}

function toCdnError(error: unknown, bucket: string): unknown {
  if (error instanceof TypeError || error instanceof CdnError) return error;
  const { name, message, $metadata } = error as ServiceError;
  if (name === "AbortError") return new CdnError("aborted", "the work was ended", { cause: error });
  const code = codes[name] ?? codeOfStatus($metadata?.httpStatusCode ?? 503);
  return new CdnError(code, `bucket ${bucket}: ${name}: ${message}`, { cause: error });
}

/** Where the name says more than the status. */
const codes: Record<string, CdnErrorCode> = {
  SlowDown: "throttled",
  QuotaExceeded: "full",
};
