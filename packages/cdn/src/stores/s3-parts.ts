import { createReadStream } from "node:fs";
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  ListMultipartUploadsCommand,
  ListPartsCommand,
  type S3Client,
  UploadPartCommand,
} from "@aws-sdk/client-s3";
import { SignatureV4 } from "@smithy/signature-v4";
import {
  type Part,
  type PartedUpload,
  type PartedUploads,
  requireKey,
  type ServeAs,
} from "./store.ts";

type Options = {
  client: S3Client;
  bucket: string;
  endpoint: string | undefined;
  guarded<T>(work: () => Promise<T>): Promise<T>;
};

/** How S3 is told what it says of an object that it serves. */
export function servedAs({ mediaType, cacheControl, contentDisposition }: ServeAs) {
  return {
    ContentType: mediaType,
    CacheControl: cacheControl,
    ...(contentDisposition ? { ContentDisposition: contentDisposition } : {}),
  };
}

/**
 * Files that come to a bucket in parts, through us or straight from a browser.
 *
 * The address for a part holds the part's size and SHA-256 in its signature, as the headers
 * `content-length` and `x-amz-content-sha256`: the store itself refuses any other bytes, also one
 * that knows none of the newer checksums. Once a file is completed no address of its parts is good
 * any more.
 */
export function s3Parts({ client, bucket, endpoint, guarded }: Options): PartedUploads {
  async function parts({ key, id }: PartedUpload) {
    const found: { PartNumber: number; ETag: string }[] = [];
    let after: string | undefined;
    do {
      const page = await client.send(
        new ListPartsCommand({ Bucket: bucket, Key: key, UploadId: id, PartNumberMarker: after }),
      );
      for (const { PartNumber, ETag } of page.Parts ?? []) {
        if (PartNumber !== undefined && ETag) found.push({ PartNumber, ETag });
      }
      after = page.IsTruncated ? page.NextPartNumberMarker : undefined;
    } while (after !== undefined);
    return found;
  }

  async function sign({ key, id }: PartedUpload, part: Part, forSeconds: number) {
    const { region, credentials, sha256 } = client.config;
    const signer = new SignatureV4({
      service: "s3",
      region,
      credentials,
      sha256,
      uriEscapePath: false,
    });
    const regionName = await region();
    const url = endpoint
      ? new URL(`${bucket}/${key}`, `${endpoint.replace(/\/$/, "")}/`)
      : new URL(`https://${bucket}.s3.${regionName}.amazonaws.com/${key}`);
    const hash = Buffer.from(part.sha256).toString("hex");
    const signed = await signer.presign(
      {
        method: "PUT",
        protocol: url.protocol,
        hostname: url.hostname,
        path: url.pathname,
        query: { uploadId: id, partNumber: String(part.number) },
        headers: {
          host: url.host,
          "content-length": String(part.sizeBytes),
          "x-amz-content-sha256": hash,
        },
      },
      {
        expiresIn: forSeconds,
        unhoistableHeaders: new Set(["x-amz-content-sha256"]),
        signableHeaders: new Set(["host", "content-length", "x-amz-content-sha256"]),
      },
    );
    url.search = new URLSearchParams(signed.query as Record<string, string>).toString();
    return { url: url.href, headers: { "x-amz-content-sha256": hash } };
  }

  return {
    begin(key, serveAs) {
      requireKey(key);
      return guarded(async () => {
        const command = { Bucket: bucket, Key: key, ...servedAs(serveAs) };
        const { UploadId } = await client.send(new CreateMultipartUploadCommand(command));
        if (!UploadId) throw new Error("the store began an upload without a name");
        return UploadId;
      });
    },

    put: ({ key, id }, { number, sizeBytes }, path) =>
      guarded(async () => {
        const body = createReadStream(path);
        try {
          await client.send(
            new UploadPartCommand({
              Bucket: bucket,
              Key: key,
              UploadId: id,
              PartNumber: number,
              ContentLength: sizeBytes,
              Body: body,
            }),
          );
        } finally {
          body.destroy();
        }
      }),

    sign: (upload, part, forSeconds) => guarded(() => sign(upload, part, forSeconds)),

    list: (upload) =>
      guarded(async () => {
        const found = await parts(upload).catch(nullWhereNoUpload);
        return found?.map(({ PartNumber }) => PartNumber) ?? null;
      }),

    complete: (upload) =>
      guarded(async () => {
        const found = await parts(upload).catch(nullWhereNoUpload);
        if (!found) return false;
        const command = {
          Bucket: bucket,
          Key: upload.key,
          UploadId: upload.id,
          MultipartUpload: { Parts: found },
        };
        const done = await client
          .send(new CompleteMultipartUploadCommand(command))
          .catch(nullWhereNoUpload);
        return done !== null;
      }),

    abort(key) {
      requireKey(key);
      return guarded(async () => {
        const page = await client.send(
          new ListMultipartUploadsCommand({ Bucket: bucket, Prefix: key }),
        );
        for (const { Key, UploadId } of page.Uploads ?? []) {
          if (Key !== key || !UploadId) continue;
          const command = { Bucket: bucket, Key, UploadId };
          await client.send(new AbortMultipartUploadCommand(command)).catch(nullWhereNoUpload);
        }
      });
    },
  };
}

/** Ceph's gateway speaks of the key. */
function nullWhereNoUpload(error: Error): null {
  if (error.name === "NoSuchUpload" || error.name === "NoSuchKey") return null;
  throw error;
}
