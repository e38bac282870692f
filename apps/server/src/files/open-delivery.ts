import { resolve } from "node:path";
import {
  allNetworks,
  type CdnNetwork,
  cloudflare,
  type FileStore,
  fastly,
  openLocalStore,
  ownCaches,
} from "@peregrine/cdn";
import type { Config } from "../config.ts";

/** The bucket of the settings, or a directory under `DATA_DIR`. */
export async function openFileStore(config: Config): Promise<FileStore> {
  return (await openBucket(config)) ?? openLocalStore(resolve(config.DATA_DIR, "files"));
}

/** @returns undefined where the settings name no bucket */
export async function openBucket(config: Config): Promise<FileStore | undefined> {
  const { S3_BUCKET: bucket, S3_REGION: region, S3_ENDPOINT: endpoint } = config;
  if (bucket === undefined) return undefined;
  const { openS3Store } = await import("@peregrine/cdn/aws");
  return openS3Store({ bucket, region, endpoint, credentials: s3Credentials(config) });
}

/** Where browsers send parts of files to beside this server; undefined for nowhere. */
export function directUploadOrigin(config: Config): string | undefined {
  const { S3_BUCKET: bucket, S3_REGION: region, S3_ENDPOINT: endpoint } = config;
  if (!config.S3_DIRECT_UPLOADS) return undefined;
  return new URL(endpoint ?? `https://${bucket}.s3.${region}.amazonaws.com`).origin;
}

/** The networks of the settings, as one; none is as good as one that holds nothing. */
export async function openNetworks(config: Config): Promise<CdnNetwork> {
  const networks: CdnNetwork[] = [];
  if (config.CDN_PURGE_URLS.length > 0) networks.push(ownCaches(config.CDN_PURGE_URLS));
  const { CLOUDFRONT_DISTRIBUTION_ID: distributionId } = config;
  if (distributionId) {
    const { cloudFront } = await import("@peregrine/cdn/aws");
    networks.push(cloudFront({ distributionId, credentials: s3Credentials(config) }));
  }
  const { FASTLY_SERVICE_ID: serviceId, FASTLY_API_TOKEN: fastlyToken } = config;
  if (serviceId && fastlyToken) networks.push(fastly({ serviceId, apiToken: fastlyToken }));
  const { CLOUDFLARE_ZONE_ID: zoneId, CLOUDFLARE_API_TOKEN: cloudflareToken } = config;
  if (zoneId && cloudflareToken) networks.push(cloudflare({ zoneId, apiToken: cloudflareToken }));
  return allNetworks(networks);
}

function s3Credentials({
  S3_ACCESS_KEY_ID: accessKeyId,
  S3_SECRET_ACCESS_KEY: secretAccessKey,
}: Config) {
  return accessKeyId && secretAccessKey ? { accessKeyId, secretAccessKey } : undefined;
}
