import { CloudFrontClient, CreateInvalidationCommand } from "@aws-sdk/client-cloudfront";
import { CdnError, type CdnErrorCode, codeOfStatus } from "../errors.ts";
import type { CdnNetwork, PurgeState } from "./network.ts";
import { chunks } from "./purge-request.ts";

export type CloudFrontOptions = {
  distributionId: string;
  /** Without it, what the SDK finds: environment, profile, instance role. */
  credentials?: { accessKeyId: string; secretAccessKey: string } | undefined;
  endpoint?: string;
};

/** A third of the paths that may be in progress at once in a distribution. */
const pathsPerInvalidation = 1000;

/**
 * CloudFront, by invalidations of paths.
 *
 * An invalidation takes a minute or so. Created again with the same paths under the same caller
 * reference it is the same one, and the answer says how far it is: so a purge that is sent again
 * costs nothing and is how its state is asked.
 */
export function cloudFront(options: CloudFrontOptions): CdnNetwork {
  const { distributionId, credentials, endpoint } = options;
  const client = new CloudFrontClient({
    region: "us-east-1",
    maxAttempts: 3,
    requestHandler: { connectionTimeout: 5_000, requestTimeout: 20_000 },
    ...(credentials ? { credentials } : {}),
    ...(endpoint ? { endpoint } : {}),
  });

  async function invalidate(
    paths: string[],
    reference: string,
    signal: AbortSignal | undefined,
  ): Promise<PurgeState> {
    const command = new CreateInvalidationCommand({
      DistributionId: distributionId,
      InvalidationBatch: {
        CallerReference: reference,
        Paths: { Quantity: paths.length, Items: paths },
      },
    });
    try {
      const answer = await client.send(command, signal ? { abortSignal: signal } : {});
      return answer.Invalidation?.Status === "Completed" ? "done" : "in_progress";
    } catch (error) {
      throw toCdnError(error, distributionId, signal);
    }
  }

  return {
    async purge(items, { reference, signal }) {
      const paths = [...new Set(items.map(({ path }) => path))].sort();
      let state: PurgeState = "done";
      for (const [i, batch] of chunks(paths, pathsPerInvalidation).entries()) {
        const one = await invalidate(batch, `${reference}-${i}`, signal);
        if (one === "in_progress") state = one;
      }
      return state;
    },
    close: () => client.destroy(),
  };
}

/** Where the name says more than the status, which is 400. */
const codes: Record<string, CdnErrorCode> = {
  TooManyInvalidationsInProgress: "throttled",
  Throttling: "throttled",
  ThrottlingException: "throttled",
};

function toCdnError(error: unknown, distribution: string, signal: AbortSignal | undefined) {
  const { name, message, $metadata } = error as Error & {
    $metadata?: { httpStatusCode?: number };
  };
  if (signal?.aborted) return new CdnError("aborted", "the purge was ended", { cause: error });
  const code = codes[name] ?? codeOfStatus($metadata?.httpStatusCode ?? 503);
  return new CdnError(code, `CloudFront distribution ${distribution}: ${name}: ${message}`, {
    cause: error,
  });
}
